// The messages between the caller and the engine's worker. Each call has a number; what is about it carries the number.
import type {EngineRequest, Method} from './engine';
import type {ErrorCode} from './errors';
import type {ProgressEvent} from './progress';

export type ToWorker =
  | {kind: 'start'; folder: string}
  | {kind: 'call'; id: number; method: Method; request: EngineRequest; blobs: Uint8Array[]}
  | {kind: 'abort'; id: number}
  /** The call's stop flag will not be written any more. */
  | {kind: 'settled'; id: number};

export type FromWorker =
  /** So many threads are still to start. */
  | {kind: 'starting'; threads: number}
  | {kind: 'answer'; id: number; value: unknown}
  | {kind: 'error'; id: number; code: ErrorCode; message: string}
  | {kind: 'progress'; id: number; event: ProgressEvent}
  /** Where memory is shared: a 1 at `address` stops the call at once. */
  | {kind: 'started'; id: number; memory: ArrayBufferLike; address: number};
