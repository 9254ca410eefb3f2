// Error codes: the stable contract between the engine and everyone who calls it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ipfs_accelerate {

/// Every error the engine can return. The numbers and names are stable; new ones are added at the end of their group.
enum class ErrorCode : std::uint16_t {
  // 1xx: the caller's arguments
  kInvalidArgument = 100,       ///< a value outside what the call accepts
  kUnknownOption = 101,         ///< an option or configuration key nobody reads
  kUnsupportedPrecision = 102,  ///< the precision is not available here
  kInputTooLong = 103,          ///< text longer than the model's positions, and truncation is off
  kUnknownTask = 104,           ///< no such task
  kUnknownPlatform = 105,       ///< no such platform (webgpu, webnn, cpu, auto)
  // 2xx: files and content
  kNotFound = 200,          ///< file, CID, model name or entry does not exist
  kIo = 201,                ///< the operating system refused a read or write
  kInvalidCid = 202,        ///< text or bytes that are no CID
  kUnsupportedHash = 203,   ///< a multihash function outside the allow-list
  kUnsupportedCodec = 204,  ///< an IPLD codec that cannot be decoded here
  kIntegrity = 205,         ///< bytes that do not match their digest
  kMalformedBlock = 206,    ///< a dag-pb, UnixFS or CAR structure that breaks its specification
  kLimitExceeded = 207,     ///< input beyond a documented limit (size, depth, count)
  kStoreLocked = 208,       ///< another process holds the store
  kStoreCorrupt = 209,      ///< a store file that cannot be understood
  kQuotaExceeded = 210,     ///< no room left for what must be written
  kUnsupportedMedia = 211,  ///< a picture or sound in a format that cannot be decoded here
  kMalformedMedia = 212,    ///< a picture or sound that breaks its format
  // 3xx: fetching
  kUnreachable = 300,       ///< no connection to a source
  kSourceError = 301,       ///< a source answered with an error
  kSourceLied = 302,        ///< a source sent bytes that do not match the CID
  kTimeout = 303,           ///< a source stopped sending
  kNoSource = 304,          ///< no configured source has the content
  kForbiddenAddress = 305,  ///< a source address outside what is allowed
  // 4xx: models
  kMalformedConfig = 400,       ///< config.json, tokenizer.json ... that cannot be read
  kUnknownArchitecture = 401,   ///< no builder for this model type
  kMalformedWeights = 402,      ///< a weight file that breaks its format
  kMissingWeight = 403,         ///< a tensor the architecture needs is not in the files
  kWrongShape = 404,            ///< a tensor with another shape than the configuration says
  kUnsupportedDtype = 405,      ///< a tensor dtype that cannot be used here
  kNotFinite = 406,             ///< NaN or infinity in weights or results
  kMissingTokenizer = 407,      ///< no tokenizer, or one without a vocabulary
  kUnsupportedTokenizer = 408,  ///< a tokenizer component that is not implemented
  // 5xx: devices
  kNoAdapter = 500,        ///< no usable device for the platform asked for
  kUnsupportedOp = 501,    ///< the backend cannot run this operation
  kDeviceLost = 502,       ///< the device went away during work
  kOutOfMemory = 503,      ///< the device or host cannot hold what is needed
  kShaderCompile = 504,    ///< a kernel did not compile on this device
  kSelfCheckFailed = 505,  ///< a backend computed wrong numbers at start-up
  // 6xx: servers
  kForbidden = 600,        ///< Host, Origin or token refused
  kTooManyRequests = 601,  ///< a limit on requests or bytes is reached
  // 9xx
  kCancelled = 900,  ///< the caller asked to stop
  kInternal = 901,   ///< a broken invariant: a bug in this library
};

/// The stable text name of a code, for machines: "invalid_argument", "integrity", ...
std::string_view error_name(ErrorCode code) noexcept;

/// What went wrong. `message` says what, which value, which limit and what to do.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
};

}  // namespace ipfs_accelerate
