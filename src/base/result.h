// Making and passing on the error side of a Result: fail(), while_doing(), IA_TRY, IA_ASSIGN.
#pragma once

#include <format>
#include <string>
#include <utility>

#include "ipfs_accelerate/result.h"

namespace ipfs_accelerate {

/// Makes the error side of a Result: `return fail(ErrorCode::kNotFound, "no file {}", path);`
template <class... Args>
std::unexpected<Error> fail(ErrorCode code, std::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, std::format(format, std::forward<Args>(args)...)});
}

/// Adds context while an error travels up: "while reading config.json: ...".
template <class... Args>
std::unexpected<Error> while_doing(Error error, std::format_string<Args...> format, Args&&... args) {
  error.message = std::format("while {}: {}", std::format(format, std::forward<Args>(args)...), error.message);
  return std::unexpected(std::move(error));
}

/// What an exception of a library or of the language says, as an error; called where it was caught. kOutOfMemory,
/// kInternal.
Error error_of_exception();

}  // namespace ipfs_accelerate

#define IA_CONCAT_(a, b) a##b
#define IA_CONCAT(a, b) IA_CONCAT_(a, b)

/// Returns the error of a Result<void> expression to the caller.
#define IA_TRY(expression)                                   \
  do {                                                       \
    if (auto ia_result_ = (expression); !ia_result_) {       \
      return std::unexpected(std::move(ia_result_).error()); \
    }                                                        \
  } while (false)

/// Declares a variable from a Result, or returns its error: `IA_ASSIGN(auto cid, Cid::parse(text));`
#define IA_ASSIGN(declaration, expression) IA_ASSIGN_(declaration, expression, IA_CONCAT(ia_result_, __LINE__))
#define IA_ASSIGN_(declaration, expression, name)             \
  auto name = (expression);                                   \
  if (!name) return std::unexpected(std::move(name).error()); \
  declaration = *std::move(name)
