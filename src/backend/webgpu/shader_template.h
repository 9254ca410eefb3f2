// Expands kernels/*.wgsl: conditions, repetition and includes, which WGSL itself lacks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfs_accelerate::webgpu {

using Flags = std::map<std::string, std::int64_t, std::less<>>;

/// Lines that start with //# are directives:
///   //#include NAME        another kernel file
///   //#if NAME | //#if !NAME ... //#else ... //#end   by whether the flag is non-zero; an unknown flag is zero
///   //#for i NAME ... //#end                          NAME times (a flag or a number), "$i" replaced by 0, 1, 2 ...,
///                                         "$(2i)" and "$(2i+1)" by twice that and one more
/// kInternal names the kernel and the directive that is wrong.
Result<std::string> expand_kernel(std::string_view name, const Flags& flags);

/// The same for a text, for tests.
Result<std::string> expand_text(std::string_view text, const Flags& flags);

}  // namespace ipfs_accelerate::webgpu
