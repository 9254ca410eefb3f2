// Content throughput against the hashing floor: sha2-256 of OpenSSL on every core, over bytes in memory.
// Usage: bench_content FOLDER   FOLDER gets a 1 GiB file of pseudo-random bytes and a store. Prints one JSON row each.
#include <openssl/evp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "store/store.h"

using namespace ipfs_accelerate;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBlock = 1 << 20, kFileBytes = std::size_t{1} << 30;

double seconds(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The machine's hashing rate in bytes per second: every core hashes 1 MiB blocks that are in its cache's reach.
double hash_rate(unsigned threads) {
  constexpr std::size_t kBlocksPerThread = 768;
  const double time = seconds([threads] {
    std::vector<std::jthread> workers;
    for (unsigned t = 0; t < threads; ++t) {
      workers.emplace_back([] {
        const Bytes block(kBlock, 0x5a);
        unsigned char digest[EVP_MAX_MD_SIZE];
        EVP_MD_CTX* context = EVP_MD_CTX_new();
        EVP_MD* sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
        for (std::size_t i = 0; i < kBlocksPerThread; ++i) {
          EVP_DigestInit_ex2(context, sha256, nullptr);
          EVP_DigestUpdate(context, block.data(), block.size());
          EVP_DigestFinal_ex(context, digest, nullptr);
        }
        EVP_MD_free(sha256);
        EVP_MD_CTX_free(context);
      });
    }
  });
  return static_cast<double>(kBlocksPerThread) * kBlock * threads / time;
}

void write_random_file(const fs::path& path) {
  if (fs::exists(path) && fs::file_size(path) == kFileBytes) return;
  std::mt19937_64 random(11);
  std::ofstream out(path, std::ios::binary);
  std::vector<std::uint64_t> block(kBlock / 8);
  for (std::size_t written = 0; written < kFileBytes; written += kBlock) {
    for (auto& word : block) word = random();
    out.write(reinterpret_cast<const char*>(block.data()), kBlock);
  }
}

void fail(const Error& error) {
  std::fprintf(stderr, "bench_content: %s\n", error.message.c_str());
  std::exit(1);
}

// Best of three, each against the hashing rate measured right before it.
void row(const char* name, unsigned threads, const std::function<void()>& call) {
  double best = 0, best_rate = 0, best_floor = 0;
  for (int round = 0; round < 3; ++round) {
    const double floor = hash_rate(threads), rate = kFileBytes / seconds(call);
    if (rate / floor > best) best = rate / floor, best_rate = rate, best_floor = floor;
  }
  std::printf(
      "{\"name\":\"%s, %u threads\",\"ours\":%.3f,\"peer\":%.3f,\"unit\":\"GB/s\",\"peer_name\":\"OpenSSL sha2-256 "
      "alone\",\"ratio\":%.3f,"
      "\"share_of_floor\":%.3f,\"floor\":\"cores x sha2-256 rate\"}\n",
      name, threads, best_rate / 1e9, best_floor / 1e9, best, best);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_content FOLDER\n");
    return 2;
  }
  const fs::path folder = argv[1], file = folder / "random.bin", home = folder / "store";
  fs::create_directories(folder);
  write_random_file(file);
  const unsigned threads = std::thread::hardware_concurrency();
  std::ifstream(file, std::ios::binary).ignore(kFileBytes);  // into the page cache: disks are not what is measured

  row("content hash only", threads, [&] {
    if (auto added = store::Store::only_hash(file); !added) fail(added.error());
  });
  const auto add = [&](bool reference) {
    fs::remove_all(home);
    auto opened = store::Store::open(home);
    if (!opened) fail(opened.error());
    store::AddOptions options;
    options.reference = reference;
    if (auto added = (*opened)->add(file, options); !added) fail(added.error());
  };
  row("content add by reference", threads, [&] { add(true); });
  row("content add with copy", threads, [&] { add(false); });
  fs::remove_all(home);
}
