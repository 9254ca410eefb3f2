// Client: the engine behind promises, in a dedicated worker where there are workers, else in this thread.
import type {CallOptions} from './border';
import type {Answers, Engine, EngineRequest, Method} from './engine';
import {IpfsAccelerateError, asError, checkAborted, fail} from './errors';
import {isNode} from './features';
import type {FromWorker, ToWorker} from './messages';
import type {ProgressCallback} from './progress';

export interface Client {
  call<M extends Method>(method: M, request: EngineRequest, options?: CallOptions): Promise<Answers[M]>;
  close(): void;
}

/** The request as the engine reads it, whichever thread it is in: what JSON can say, and bytes, which it names by number. */
function plain(request: EngineRequest): {request: EngineRequest; blobs: Uint8Array[]} {
  const blobs: Uint8Array[] = [];
  const number = function (this: Record<string, unknown>, key: string, value: unknown): unknown {
    const bytes = this[key]; // a Buffer's `value` would be JSON of it
    if (!ArrayBuffer.isView(bytes)) return value;
    return blobs.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice()) - 1;
  };
  try {
    return {request: JSON.parse(JSON.stringify(request, number)) as EngineRequest, blobs};
  } catch (error) {
    return fail('invalid_argument', `the call cannot be written as JSON: ${String(error)}`, error);
  }
}

interface Waiting {
  resolve(value: never): void;
  reject(error: unknown): void;
  progress: ProgressCallback | undefined;
  stop(): void;
  /** The call's stop flag, where memory is shared. */
  flag?: {memory: ArrayBufferLike; address: number};
}

class WorkerClient implements Client {
  #worker: Worker | undefined;
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();
  constructor(readonly folder: string) {}

  async call<M extends Method>(
    method: M,
    request: EngineRequest,
    {progress, signal}: CallOptions = {},
  ): Promise<Answers[M]> {
    checkAborted(signal);
    const asked = plain(request);
    const id = this.#next++;
    const worker = (this.#worker ??= this.#start());
    const stop = () => {
      const flag = this.#waiting.get(id)?.flag;
      if (flag) Atomics.store(new Int32Array(flag.memory), flag.address >> 2, 1);
      worker.postMessage({kind: 'abort', id} satisfies ToWorker);
    };
    signal?.addEventListener('abort', stop);
    return new Promise<Answers[M]>((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject, progress, stop});
      worker.postMessage({kind: 'call', id, method, ...asked} satisfies ToWorker);
    }).finally(() => signal?.removeEventListener('abort', stop));
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail(new IpfsAccelerateError('cancelled', 'the engine was closed'));
  }

  #start(): Worker {
    const url = new URL('worker.js', this.folder).href;
    const worker = new Worker(url, {type: 'module', name: 'ipfs_accelerate'});
    const stopped = (why: string) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      worker.terminate();
      this.#fail(new IpfsAccelerateError('internal', `the engine's worker stopped: ${why}`));
    };
    const failed = (event: Event) => {
      event.preventDefault();
      stopped((event as ErrorEvent).message || `${url} cannot be loaded`);
    };
    let starting: ReturnType<typeof setTimeout>; // Firefox may block for ever in the constructor of a thread's worker
    worker.addEventListener('message', ({data}: MessageEvent<FromWorker>) => {
      if (data.kind !== 'starting') return this.#receive(worker, data);
      clearTimeout(starting);
      const why = 'the browser blocked while it started a thread; call again, or with threads: 1';
      if (data.threads > 0) starting = setTimeout(stopped, 10000, why);
    });
    worker.addEventListener('error', failed);
    worker.addEventListener('messageerror', failed); // an answer that cannot be read will not come again
    worker.postMessage({kind: 'start', folder: this.folder} satisfies ToWorker);
    return worker;
  }

  #receive(worker: Worker, message: Exclude<FromWorker, {kind: 'starting'}>): void {
    const {id} = message;
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (message.kind === 'progress') {
      try {
        return waiting.progress?.(message.event);
      } catch (error) {
        // the listener's own; the entry stays until the worker has let go
        waiting.progress = undefined;
        waiting.reject(asError(error));
        return waiting.stop();
      }
    }
    if (message.kind === 'started') return void (waiting.flag = message);
    this.#waiting.delete(id);
    if (waiting.flag) worker.postMessage({kind: 'settled', id} satisfies ToWorker);
    if (message.kind === 'answer') waiting.resolve(message.value as never);
    else waiting.reject(new IpfsAccelerateError(message.code, message.message));
  }

  #fail(error: IpfsAccelerateError): void {
    for (const {reject} of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** The engine in this thread: Node, and pages that ask for it. */
class LocalClient implements Client {
  #engine: Promise<Engine> | undefined;
  constructor(readonly folder: string) {}

  async call<M extends Method>(method: M, request: EngineRequest, options: CallOptions = {}): Promise<Answers[M]> {
    this.#engine ??= import('./engine').then(({Engine}) => new Engine({folder: this.folder}));
    try {
      const {request: asked, blobs} = plain(request);
      return await (await this.#engine).call(method, asked, {...options, blobs});
    } catch (error) {
      throw asError(error);
    }
  }

  close(): void {
    void this.#engine?.then((engine) => engine.close()).catch(() => undefined);
    this.#engine = undefined;
  }
}

export function openClient(useWorker: boolean, folder: string): Client {
  return useWorker && typeof Worker === 'function' && !isNode() ? new WorkerClient(folder) : new LocalClient(folder);
}
