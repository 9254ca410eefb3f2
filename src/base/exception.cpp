// Exceptions end here: our own code throws none, but memory runs out and threads cannot be had.
#include <exception>
#include <new>
#include <stdexcept>

#include "base/result.h"

namespace ipfs_accelerate {

Error error_of_exception() {
#ifdef __cpp_exceptions
  static constexpr const char* kNoMemory = "there is not enough memory for this; give fewer or shorter inputs at once";
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kOutOfMemory, kNoMemory};
  } catch (const std::length_error&) {
    return {ErrorCode::kOutOfMemory, kNoMemory};
  } catch (const std::exception& error) {
    return {ErrorCode::kInternal, std::format("an exception: {}", error.what())};
  } catch (...) {
    return {ErrorCode::kInternal, "an unknown exception"};
  }
#else
  std::terminate();
#endif
}

}  // namespace ipfs_accelerate
