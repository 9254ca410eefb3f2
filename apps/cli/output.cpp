// Printing and exit codes shared by the commands.
#include "output.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <format>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>

namespace ipfs_accelerate::cli {
namespace {

std::mutex progress_mutex;
bool progress_shown = false;

/// Whether standard output is a pipe that nobody reads any more: `| head` has what it wanted.
bool reader_left() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int exit_code(ErrorCode code) {
  if (code == ErrorCode::kCancelled) return 130;
  switch (static_cast<int>(code) / 100) {
    case 1: return 2;
    case 2: return 3;
    case 3: return 4;
    case 4: return 5;
    case 5: return 6;
    case 6: return 7;
    default: return 1;
  }
}

int report(const Context& context, const Error& error) {
  end_progress();
  std::cout.flush();
  if (context.json) {
    const nlohmann::ordered_json json = {
        {"error",
         {{"code", error_name(error.code)}, {"number", static_cast<int>(error.code)}, {"message", error.message}}}};
    std::cerr << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    std::cerr << "error[" << error_name(error.code) << "]: " << error.message << '\n';
  }
  return exit_code(error.code);
}

Error output_failed() {
  return {ErrorCode::kIo, "standard output does not take the answer: a full disk, or a reader that left"};
}

int with_engine(const Context& context, const std::function<Result<>(Engine&)>& work) {
  auto engine = Engine::open();
  if (!engine) return report(context, engine.error());
  const auto done = work(*engine);
  end_progress();
  if (!done) return report(context, done.error());
  if (std::cout.flush()) return 0;
  return reader_left() ? exit_code(ErrorCode::kIo) : report(context, output_failed());
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"kB", "MB", "GB", "TB"}) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return std::format("{:.1f} {}", value, unit);
}

std::string human_time(double seconds) {
  if (seconds < 1e-3) return std::format("{:.0f} us", seconds * 1e6);
  if (seconds < 1) return std::format("{:.1f} ms", seconds * 1e3);
  return std::format("{:.2f} s", seconds);
}

std::string shorten(const std::string& text, std::size_t width) {
  if (text.size() <= width) return text;
  std::size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

Progress progress_line(bool always) {
  if (!always && !::isatty(STDERR_FILENO)) return {};
  return [last = std::chrono::steady_clock::time_point{}](std::string_view stage, std::uint64_t done,
                                                          std::uint64_t total) mutable {
    const std::lock_guard lock(progress_mutex);
    const auto now = std::chrono::steady_clock::now();
    if (now - last < std::chrono::milliseconds(100) && done != total) return;
    last = now;
    const std::string share =
        total > 0 ? std::format(" of {} ({:.0f} %)", human_bytes(total), 100.0 * done / total) : "";
    std::fprintf(stderr, "\r\033[K%s", std::format("{} {}{}", stage, human_bytes(done), share).c_str());
    progress_shown = true;
  };
}

void progress_note(std::string_view text) {
  const std::lock_guard lock(progress_mutex);
  std::fprintf(stderr, "\r\033[K%s", std::string(text).c_str());
  progress_shown = true;
}

void end_progress() {
  const std::lock_guard lock(progress_mutex);
  if (progress_shown) std::fputs("\r\033[K", stderr);
  progress_shown = false;
}

}  // namespace ipfs_accelerate::cli
