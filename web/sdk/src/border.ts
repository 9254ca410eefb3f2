// Border: calls into the engine, and the requests it makes of the page's ports (bindings/wasm/border.h).
import {IpfsAccelerateError, asError, checkAborted, type ErrorCode} from './errors';
import {startThreads, type Module, type Program} from './program';
import type {ProgressCallback, ProgressEvent} from './progress';

/** What a port is asked. Spans point into the engine's memory and stay valid until the answer. */
export class PortRequest {
  constructor(
    readonly memory: WebAssembly.Memory,
    readonly numbers: number[],
    readonly text: string,
    readonly spans: {pointer: number; size: number}[],
    readonly signal: AbortSignal,
  ) {}

  /** The memory of one span, as it is now: the view is stale once the memory has grown, so take it when it is used. */
  bytes(span: number): Uint8Array {
    const {pointer, size} = this.spans[span]!;
    return new Uint8Array(this.memory.buffer, pointer, size);
  }

  /** A copy, in memory that is not shared. */
  copy(span: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes(span));
  }
}

export interface PortAnswer {
  numbers?: number[];
  text?: string;
}
/** Ports by what they are asked. A rejection is the answer too: its code and message. */
export interface Ports {
  requests: Record<string, (request: PortRequest) => Promise<PortAnswer | void>>;
  /** No answer is wanted. */
  notices: Record<string, (id: number) => void>;
  /** The engine ended: nothing of it is used any more. */
  close?(): void;
}

export interface CallOptions {
  /** Gets the engine's events about the call. */
  progress?: ProgressCallback | undefined;
  signal?: AbortSignal | undefined;
  /** What the request's content names by number. */
  blobs?: Uint8Array[] | undefined;
  /** Called where memory is shared: writing 1 at `address` stops computing at once, from any thread, until `forget` is called. */
  started?: ((memory: ArrayBufferLike, address: number, forget: () => void) => void) | undefined;
}

interface Waiting {
  resolve(value: never): void;
  reject(error: unknown): void;
  progress: CallOptions['progress'];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Border {
  /** Set once the program has trapped, when its memory can no longer be trusted, or was closed. */
  broken: IpfsAccelerateError | undefined;
  readonly #module: Module;
  readonly #kinds: string[];
  readonly #calls = new Map<number, Waiting>();
  readonly #requests = new Map<number, AbortController>();
  #draining = false;

  /** Threads the engine computes on, this one among them. */
  threads = 1;

  /** `facts`: what the engine is told of this page (page.h). */
  static async open(program: Program, ports: Ports, facts: object): Promise<Border> {
    const border = new Border(program, ports);
    const {threaded, processors} = program;
    border.threads = border.#enter('ia_open', border.#write([], JSON.stringify({...facts, threaded, processors})));
    await startThreads(program.module, border.threads - 1);
    return border;
  }

  private constructor(
    readonly program: Program,
    readonly ports: Ports,
  ) {
    this.#module = program.module;
    const names = this.#enter('ia_kinds') >>> 0;
    const heap = this.#heap();
    this.#kinds = this.#text(names, heap.indexOf(0, names) - names)
      .trim()
      .split(' ');
  }

  /** The call's answer, as JSON says it. */
  async call<T>(request: object, {progress, signal, blobs = [], started}: CallOptions = {}): Promise<T> {
    checkAborted(signal);
    for (const bytes of blobs) {
      const at = this.#enter('ia_blob', bytes.byteLength) >>> 0;
      this.#heap().set(bytes, at);
    }
    const number = this.#enter('ia_call', this.#write([], JSON.stringify(request)));
    const forget = () => this.#then(() => this.#enter('ia_forget', number));
    const stop = () => this.#then(() => this.#enter('ia_stop', number));
    signal?.addEventListener('abort', stop);
    const shared = started && !(this.#module.wasmMemory.buffer instanceof ArrayBuffer);
    if (shared) started(this.#module.wasmMemory.buffer, this.#enter('ia_stop_flag', number) >>> 0, forget);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#calls.set(number, {resolve, reject, progress});
        this.#drain();
      });
    } finally {
      signal?.removeEventListener('abort', stop);
      if (!shared) forget();
    }
  }

  /** Ends the program's threads; nothing runs on it any more. */
  close(): void {
    this.#break(new IpfsAccelerateError('cancelled', 'this engine was closed; call again'));
    this.#module.PThread?.terminateAllThreads();
  }

  /** Everything that came of the last step: requests go to the ports, answers to their callers. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let at = 0; !this.broken && (at = this.#enter('ia_next') >>> 0) !== 0;) this.#take(at);
    } catch (error) {
      this.#break(asError(error));
    } finally {
      this.#draining = false;
    }
  }

  #take(at: number): void {
    const [kind, number, numbersAt, numberCount, textAt, textSize, spansAt, spanCount] = [
      ...new Uint32Array(this.#memory.buffer, at, 8),
    ] as [number, number, number, number, number, number, number, number];
    const name = this.#kinds[kind]!;
    const text = textSize > 0 ? this.#text(textAt, textSize) : '';
    const notice = this.ports.notices[name];
    if (notice) return notice(number);
    if (name === 'cancel') return this.#requests.get(number)?.abort();
    if (name === 'answer' || name === 'error' || name === 'event') return this.#tell(name, number, text);
    const numbers = [...new Float64Array(this.#memory.buffer, numbersAt, numberCount)];
    const spans = new Uint32Array(this.#memory.buffer, spansAt, 2 * spanCount);
    const pieces = Array.from({length: spanCount}, (_, i) => ({pointer: spans[2 * i]!, size: spans[2 * i + 1]!}));
    const controller = new AbortController();
    this.#requests.set(number, controller);
    const asked = new PortRequest(this.#memory, numbers, text, pieces, controller.signal);
    void this.#answer(number, this.ports.requests[name]!, asked);
  }

  #tell(name: string, number: number, text: string): void {
    const waiting = this.#calls.get(number);
    if (!waiting) return;
    const value: unknown = JSON.parse(text);
    if (name === 'event') {
      try {
        waiting.progress?.(value as ProgressEvent);
      } catch (error) {
        // the listener's own
        this.#calls.delete(number);
        waiting.reject(error);
        this.#then(() => this.#enter('ia_stop', number));
      }
      return;
    }
    this.#calls.delete(number);
    if (name === 'answer') return waiting.resolve(value as never);
    const {code, message} = value as {code: ErrorCode; message: string};
    waiting.reject(new IpfsAccelerateError(code, message));
  }

  async #answer(number: number, port: Ports['requests'][string], asked: PortRequest): Promise<void> {
    let answer: PortAnswer | void;
    let failed = 0;
    try {
      answer = await port(asked);
    } catch (error) {
      const {code, message} = asError(error);
      answer = {text: JSON.stringify({code, message})};
      failed = 1;
    }
    this.#requests.delete(number);
    const {numbers = [], text = ''} = answer ?? {};
    this.#then(() => this.#enter('ia_answer', number, failed, numbers.length, this.#write(numbers, text)));
  }

  /** Numbers, then text, where the engine reads them; gives the text's size. */
  #write(numbers: number[], text: string): number {
    const bytes = encoder.encode(text);
    const at = this.#enter('ia_scratch', 8 * numbers.length + bytes.byteLength) >>> 0;
    new Float64Array(this.#memory.buffer, at, numbers.length).set(numbers);
    this.#heap().set(bytes, at + 8 * numbers.length);
    return bytes.byteLength;
  }

  /** Takes a step, and sees to what came of it. */
  #then(step: () => void): void {
    try {
      step();
    } catch (error) {
      return this.#break(asError(error)); // every caller is told; nobody waits for this step
    }
    this.#drain();
  }

  /** Calls an export; a trap ends the program. */
  #enter(name: string, ...args: number[]): number {
    if (this.broken) throw this.broken;
    try {
      return this.#module[`_${name}`]!(...args);
    } catch (error) {
      const code: ErrorCode = /memory|OOM/i.test(String(error)) ? 'out_of_memory' : 'internal';
      this.#break(
        new IpfsAccelerateError(code, `the WebAssembly engine stopped in ${name}: ${String(error)}`, {cause: error}),
      );
      throw this.broken!;
    }
  }

  #break(error: IpfsAccelerateError): void {
    this.broken ??= error;
    for (const controller of this.#requests.values()) controller.abort();
    for (const {reject} of this.#calls.values()) reject(this.broken);
    this.#calls.clear();
    this.ports.close?.();
  }

  get #memory(): WebAssembly.Memory {
    return this.#module.wasmMemory;
  }
  #heap(): Uint8Array {
    return new Uint8Array(this.#memory.buffer);
  }
  #text(at: number, size: number): string {
    return decoder.decode(new Uint8Array(this.#heap().subarray(at, at + size))); // a copy: shared memory cannot be decoded
  }
}
