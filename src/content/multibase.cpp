// Bases whose size is a power of two shift bits; the others do long division.
#include "content/multibase.h"

#include <algorithm>
#include <array>

namespace ipfs_accelerate::content {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kRfc4648 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kLower36 = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kBitcoin = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::string_view kUrlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int digit(std::string_view alphabet, char c) {
  const auto at = alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::unexpected<Error> wrong_character(std::string_view alphabet, std::string_view text, std::size_t at) {
  return fail(ErrorCode::kInvalidCid, "character {} (byte {:#04x}) of the text is not in base{}", at,
              static_cast<unsigned char>(text[at]), alphabet.size());
}

std::string encode_bits(std::string_view alphabet, int bits, ByteView bytes) {
  std::string text;
  unsigned buffer = 0;
  int held = 0;
  for (const std::uint8_t byte : bytes) {
    buffer = (buffer << 8) | byte;
    held += 8;
    for (; held >= bits; held -= bits) text += alphabet[(buffer >> (held - bits)) & (alphabet.size() - 1)];
  }
  if (held > 0) text += alphabet[(buffer << (bits - held)) & (alphabet.size() - 1)];
  return text;
}

Result<Bytes> decode_bits(std::string_view alphabet, int bits, std::string_view text) {
  Bytes bytes;
  unsigned buffer = 0;
  int held = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int value = digit(alphabet, text[i]);
    if (value < 0) return wrong_character(alphabet, text, i);
    buffer = (buffer << bits) | static_cast<unsigned>(value);
    held += bits;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<std::uint8_t>(buffer >> held));
    }
  }
  if (held >= bits || (buffer & ((1u << held) - 1)) != 0) {
    return fail(ErrorCode::kInvalidCid, "base{} text of {} characters ends in the middle of a byte", alphabet.size(),
                text.size());
  }
  return bytes;
}

// Leading zero bytes become leading zero digits, one for one; the rest is a number.
std::string encode_number(std::string_view alphabet, ByteView bytes) {
  const auto zeros = std::ranges::find_if(bytes, [](auto b) { return b != 0; }) - bytes.begin();
  std::vector<std::uint8_t> digits;  // least significant first
  for (const std::uint8_t byte : bytes.subspan(zeros)) {
    unsigned carry = byte;
    for (auto& d : digits) {
      carry += static_cast<unsigned>(d) << 8;
      d = carry % alphabet.size();
      carry /= alphabet.size();
    }
    for (; carry > 0; carry /= alphabet.size()) digits.push_back(carry % alphabet.size());
  }
  std::string text(zeros, alphabet[0]);
  for (auto it = digits.rbegin(); it != digits.rend(); ++it) text += alphabet[*it];
  return text;
}

Result<Bytes> decode_number(std::string_view alphabet, std::string_view text) {
  std::size_t zeros = 0;
  while (zeros < text.size() && text[zeros] == alphabet[0]) ++zeros;
  Bytes bytes;  // least significant first
  for (std::size_t i = zeros; i < text.size(); ++i) {
    const int value = digit(alphabet, text[i]);
    if (value < 0) return wrong_character(alphabet, text, i);
    unsigned carry = static_cast<unsigned>(value);
    for (auto& b : bytes) {
      carry += b * static_cast<unsigned>(alphabet.size());
      b = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry > 0) bytes.push_back(static_cast<std::uint8_t>(carry));
  }
  bytes.insert(bytes.end(), zeros, 0);
  std::ranges::reverse(bytes);
  return bytes;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool has_lower(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

Result<> check_length(std::string_view text) {
  if (text.size() > kMaxMultibaseText) {
    return fail(ErrorCode::kInvalidCid, "text of {} characters, at most {} make sense for a CID", text.size(),
                kMaxMultibaseText);
  }
  return {};
}

}  // namespace

std::string encode_base58(ByteView bytes) { return encode_number(kBitcoin, bytes); }

Result<Bytes> decode_base58(std::string_view text) {
  IA_TRY(check_length(text));
  return decode_number(kBitcoin, text);
}

std::string encode_multibase(Base base, ByteView bytes) {
  std::string text(1, static_cast<char>(base));
  switch (base) {
    case Base::kBase16: return text + encode_bits(kHex, 4, bytes);
    case Base::kBase32: return text + encode_bits(kRfc4648, 5, bytes);
    case Base::kBase36: return text + encode_number(kLower36, bytes);
    case Base::kBase58Btc: return text + encode_number(kBitcoin, bytes);
    case Base::kBase64Url: return text + encode_bits(kUrlSafe, 6, bytes);
  }
  return text;
}

Result<Bytes> decode_multibase(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::kInvalidCid, "empty text where a CID is expected");
  IA_TRY(check_length(text));
  const std::string_view digits = text.substr(1);
  const bool upper = text[0] >= 'A' && text[0] <= 'Z';
  if (upper && has_lower(digits)) {
    return fail(ErrorCode::kInvalidCid, "multibase '{}' is upper case, the text is not", text[0]);
  }
  switch (text[0]) {
    case 'f': return decode_bits(kHex, 4, digits);
    case 'F': return decode_bits(kHex, 4, lower(digits));
    case 'b': return decode_bits(kRfc4648, 5, digits);
    case 'B': return decode_bits(kRfc4648, 5, lower(digits));
    case 'k': return decode_number(kLower36, digits);
    case 'K': return decode_number(kLower36, lower(digits));
    case 'z': return decode_number(kBitcoin, digits);
    case 'u': return decode_bits(kUrlSafe, 6, digits);
    default:
      return fail(ErrorCode::kInvalidCid,
                  "unknown multibase letter (byte {:#04x}); known: b (base32), k (base36), z (base58btc), f (base16), "
                  "u (base64url)",
                  static_cast<unsigned char>(text[0]));
  }
}

}  // namespace ipfs_accelerate::content
