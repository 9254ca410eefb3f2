// Client: the engine behind promises, in a dedicated worker where there are workers, else in this thread.
import type {Engine} from './engine';
import {IpfsAccelerateError, asError} from './errors';
import {isNode} from './features';
import type {Answer, FromWorker, Method, ToWorker} from './messages';
import type {ProgressCallback} from './progress';

export interface CallOptions {
  progress?: ProgressCallback | undefined;
  signal?: AbortSignal | undefined;
}

export interface Client {
  call<M extends Method>(method: M, args: unknown[], options?: CallOptions): Promise<Answer<M>>;
  close(): void;
}

interface Waiting {
  resolve(value: never): void;
  reject(error: unknown): void;
  progress: ProgressCallback | undefined;
}

class WorkerClient implements Client {
  #worker: Worker | undefined;
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();
  constructor(readonly folder: string) {}

  call<M extends Method>(method: M, args: unknown[], {progress, signal}: CallOptions = {}): Promise<Answer<M>> {
    if (signal?.aborted) return Promise.reject(new IpfsAccelerateError('cancelled', 'the caller asked to stop'));
    const id = this.#next++;
    const worker = (this.#worker ??= this.#start());
    const stop = () => this.#post(worker, {kind: 'abort', id});
    signal?.addEventListener('abort', stop);
    return new Promise<Answer<M>>((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject, progress});
      this.#post(worker, {kind: 'call', id, method, args});
    }).finally(() => signal?.removeEventListener('abort', stop));
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail(new IpfsAccelerateError('cancelled', 'the engine was closed'));
  }

  #start(): Worker {
    const worker = new Worker(new URL('worker.js', this.folder), {type: 'module', name: 'ipfs_accelerate'});
    worker.addEventListener('message', ({data}: MessageEvent<FromWorker>) => this.#receive(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (this.#worker === worker) this.#worker = undefined;
      worker.terminate();
      this.#fail(new IpfsAccelerateError('internal', `the engine's worker stopped: ${event.message || `${new URL('worker.js', this.folder).href} cannot be loaded`}`));
    });
    this.#post(worker, {kind: 'start', folder: this.folder});
    return worker;
  }

  #post(worker: Worker, message: ToWorker): void {
    worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === 'progress') {
      waiting.progress?.(message.event);
      return;
    }
    this.#waiting.delete(message.id);
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

  async call<M extends Method>(method: M, args: unknown[], {progress, signal}: CallOptions = {}): Promise<Answer<M>> {
    this.#engine ??= import('./engine').then(({Engine}) => new Engine({folder: this.folder}));
    const extra = method === 'run' || method === 'load' ? [progress, signal] : method === 'explain' ? [signal] : [];
    try {
      const engine = await this.#engine;
      return await (engine[method] as (...all: unknown[]) => Promise<Answer<M>>).call(engine, ...args, ...extra);
    } catch (error) {
      throw asError(error);
    }
  }

  close(): void {
    void this.#engine?.then((engine) => engine.close(), () => undefined);
    this.#engine = undefined;
  }
}

export function openClient(useWorker: boolean, folder: string): Client {
  return useWorker && typeof Worker === 'function' && !isNode() ? new WorkerClient(folder) : new LocalClient(folder);
}
