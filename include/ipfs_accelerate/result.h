// Result<T>: a value or an Error. Nothing in this library throws on purpose.
#pragma once

#include <expected>

#include "ipfs_accelerate/error.h"

namespace ipfs_accelerate {

template <class T = void>
using Result = std::expected<T, Error>;

}  // namespace ipfs_accelerate
