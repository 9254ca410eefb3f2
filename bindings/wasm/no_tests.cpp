// The shipped programs answer no test calls.
#include "page.h"

namespace ipfs_accelerate::page {

Async<std::string> test_call(host::Host&, std::string method, std::string, Stop) {
  co_await fail(ErrorCode::kInvalidArgument, "no method '{}'", method);
  co_return "";
}

}  // namespace ipfs_accelerate::page
