// The messages between the caller and the engine's worker. Each request has a number; its answer carries it back.
import type {ErrorCode} from './errors';
import type {Engine} from './engine';
import type {ProgressEvent} from './progress';

/** Engine methods that can be called across the border, with arguments that can be copied. */
export type Method = 'run' | 'load' | 'explain' | 'evaluate' | 'detect' | 'unload' | 'cacheStat' | 'clearCache';

/** Arguments without callbacks and signals: those travel as messages of their own. */
export type Arguments<M extends Method> = Engine[M] extends (...args: infer A) => unknown ? A : never;
export type Answer<M extends Method> = Engine[M] extends (...args: never[]) => Promise<infer R> ? R : never;

export type ToWorker =
  | {kind: 'start'; folder: string}
  | {kind: 'call'; id: number; method: Method; args: unknown[]}
  | {kind: 'abort'; id: number};

export type FromWorker =
  | {kind: 'answer'; id: number; value: unknown}
  | {kind: 'error'; id: number; code: ErrorCode; message: string}
  | {kind: 'progress'; id: number; event: ProgressEvent};
