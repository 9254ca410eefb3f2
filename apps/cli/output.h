// What every command prints alike: errors, sizes, times, progress; and the exit codes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate::cli {

/// What a command line asked for, filled while it is parsed; `action` then does the work and returns the exit code.
struct Context {
  bool json = false;
  std::function<int()> action;
};

/// 0 done; 1 failed; 2 usage (errors 1xx); 3 content (2xx); 4 fetching (3xx); 5 model (4xx); 6 device (5xx); 7 server
/// (6xx); 130 cancelled by Ctrl-C.
int exit_code(ErrorCode code);

/// Prints "error[code]: message" on standard error, or {"error": {...}} with --json; returns the exit code.
int report(const Context& context, const Error& error);

/// Standard output takes no more of the answer.
Error output_failed();

/// Opens the default store and runs `work`; reports its error.
int with_engine(const Context& context, const std::function<Result<>(Engine&)>& work);

std::string human_bytes(std::uint64_t bytes);  ///< "1.8 MB"
std::string human_time(double seconds);        ///< "3.2 ms"
std::string shorten(const std::string& text, std::size_t width);

/// A line on standard error that is rewritten while work goes on; nothing unless standard error is a terminal or
/// `always`.
Progress progress_line(bool always);
/// Such a line without numbers, for who has a progress_line.
void progress_note(std::string_view text);
/// Ends the line.
void end_progress();

}  // namespace ipfs_accelerate::cli
