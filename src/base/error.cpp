// The table of error names.
#include "ipfs_accelerate/error.h"

namespace ipfs_accelerate {

std::string_view error_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid_argument";
    case ErrorCode::kUnknownOption: return "unknown_option";
    case ErrorCode::kUnsupportedPrecision: return "unsupported_precision";
    case ErrorCode::kInputTooLong: return "input_too_long";
    case ErrorCode::kUnknownTask: return "unknown_task";
    case ErrorCode::kUnknownPlatform: return "unknown_platform";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kIo: return "io";
    case ErrorCode::kInvalidCid: return "invalid_cid";
    case ErrorCode::kUnsupportedHash: return "unsupported_hash";
    case ErrorCode::kUnsupportedCodec: return "unsupported_codec";
    case ErrorCode::kIntegrity: return "integrity";
    case ErrorCode::kMalformedBlock: return "malformed_block";
    case ErrorCode::kLimitExceeded: return "limit_exceeded";
    case ErrorCode::kStoreLocked: return "store_locked";
    case ErrorCode::kStoreCorrupt: return "store_corrupt";
    case ErrorCode::kQuotaExceeded: return "quota_exceeded";
    case ErrorCode::kUnsupportedMedia: return "unsupported_media";
    case ErrorCode::kMalformedMedia: return "malformed_media";
    case ErrorCode::kUnreachable: return "unreachable";
    case ErrorCode::kSourceError: return "source_error";
    case ErrorCode::kSourceLied: return "source_lied";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kNoSource: return "no_source";
    case ErrorCode::kForbiddenAddress: return "forbidden_address";
    case ErrorCode::kMalformedConfig: return "malformed_config";
    case ErrorCode::kUnknownArchitecture: return "unknown_architecture";
    case ErrorCode::kMalformedWeights: return "malformed_weights";
    case ErrorCode::kMissingWeight: return "missing_weight";
    case ErrorCode::kWrongShape: return "wrong_shape";
    case ErrorCode::kUnsupportedDtype: return "unsupported_dtype";
    case ErrorCode::kNotFinite: return "not_finite";
    case ErrorCode::kMissingTokenizer: return "missing_tokenizer";
    case ErrorCode::kUnsupportedTokenizer: return "unsupported_tokenizer";
    case ErrorCode::kNoAdapter: return "no_adapter";
    case ErrorCode::kUnsupportedOp: return "unsupported_op";
    case ErrorCode::kDeviceLost: return "device_lost";
    case ErrorCode::kOutOfMemory: return "out_of_memory";
    case ErrorCode::kShaderCompile: return "shader_compile";
    case ErrorCode::kSelfCheckFailed: return "self_check_failed";
    case ErrorCode::kForbidden: return "forbidden";
    case ErrorCode::kTooManyRequests: return "too_many_requests";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

}  // namespace ipfs_accelerate
