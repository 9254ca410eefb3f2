// The reserved address blocks of IPv4 and IPv6 (IANA special-purpose registries).
#include "host/native/address.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace ipfs_accelerate::host {
namespace {

struct Block4 {
  std::uint32_t prefix;
  int bits;
};
constexpr std::array<Block4, 14> kReserved4{{{0x00000000, 8},
                                             {0x0a000000, 8},
                                             {0x64400000, 10},
                                             {0x7f000000, 8},
                                             {0xa9fe0000, 16},
                                             {0xac100000, 12},
                                             {0xc0000000, 24},
                                             {0xc0000200, 24},
                                             {0xc0a80000, 16},
                                             {0xc6120000, 15},
                                             {0xc6336400, 24},
                                             {0xcb007100, 24},
                                             {0xe0000000, 4},
                                             {0xf0000000, 4}}};

bool is_public4(std::uint32_t address) {
  return std::ranges::none_of(kReserved4, [&](Block4 b) { return (address ^ b.prefix) >> (32 - b.bits) == 0; });
}

std::uint32_t tail4(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

bool is_public6(const std::uint8_t* a) {
  constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};
  constexpr std::uint8_t kZero[12] = {};
  if (std::memcmp(a, kMapped, 12) == 0 || std::memcmp(a, kNat64, 12) == 0) return is_public4(tail4(a + 12));
  if (std::memcmp(a, kZero, 12) == 0) return false;                   // ::, ::1, IPv4-compatible
  if (a[0] == 0x20 && a[1] == 0x02) return is_public4(tail4(a + 2));  // 6to4
  return (a[0] & 0xe0) == 0x20;                                       // global unicast 2000::/3
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return is_public4(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    return is_public6(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr.s6_addr);
  }
  return false;
}

}  // namespace ipfs_accelerate::host
