// IpfsAccelerateError: every failure of the SDK, with the engine's stable code.

/** The engine's error names (error.h), the same natively and in the page. */
export type ErrorCode =
  | 'invalid_argument'
  | 'unknown_option'
  | 'unsupported_precision'
  | 'input_too_long'
  | 'unknown_task'
  | 'unknown_platform'
  | 'not_found'
  | 'io'
  | 'invalid_cid'
  | 'unsupported_hash'
  | 'unsupported_codec'
  | 'integrity'
  | 'malformed_block'
  | 'limit_exceeded'
  | 'store_locked'
  | 'store_corrupt'
  | 'quota_exceeded'
  | 'unsupported_media'
  | 'malformed_media'
  | 'unreachable'
  | 'source_error'
  | 'source_lied'
  | 'timeout'
  | 'no_source'
  | 'forbidden_address'
  | 'malformed_config'
  | 'unknown_architecture'
  | 'malformed_weights'
  | 'missing_weight'
  | 'wrong_shape'
  | 'unsupported_dtype'
  | 'not_finite'
  | 'missing_tokenizer'
  | 'unsupported_tokenizer'
  | 'no_adapter'
  | 'unsupported_op'
  | 'device_lost'
  | 'out_of_memory'
  | 'shader_compile'
  | 'self_check_failed'
  | 'forbidden'
  | 'too_many_requests'
  | 'cancelled'
  | 'internal';

/** What went wrong: `code` for programs, `message` (what, which value, which limit, what to do) for people. */
export class IpfsAccelerateError extends Error {
  override readonly name = 'IpfsAccelerateError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function fail(code: ErrorCode, message: string, cause?: unknown): never {
  throw new IpfsAccelerateError(code, message, cause === undefined ? undefined : {cause});
}

/** Any thrown value as one of ours; aborts become `cancelled`, unknown ones keep `fallback`. */
export function asError(thrown: unknown, fallback: ErrorCode = 'internal'): IpfsAccelerateError {
  if (thrown instanceof IpfsAccelerateError) return thrown;
  const name = thrown instanceof Error || thrown instanceof DOMException ? thrown.name : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (name === 'AbortError') return new IpfsAccelerateError('cancelled', 'the caller asked to stop', {cause: thrown});
  if (name === 'QuotaExceededError' || /^(ENOSPC|EDQUOT):/.test(message))
    return new IpfsAccelerateError('quota_exceeded', message, {cause: thrown});
  return new IpfsAccelerateError(fallback, message, {cause: thrown});
}

/** Throws `cancelled` when the signal has fired. */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) fail('cancelled', 'the caller asked to stop');
}
