// Native: the WebAssembly engine behind JSON calls (bindings/wasm).
import {IpfsAccelerateError, fail, type ErrorCode} from './errors';
import {isNode, programName, wasmFeatures} from './features';
import type {WeightPart} from './backend';

/** What Emscripten's module object gives us. */
interface EngineModule {
  wasmMemory: WebAssembly.Memory;
  /** In the programs with threads. */
  PThread?: {terminateAllThreads(): void};
  [name: `_${string}`]: (...args: number[]) => number;
}
type ModuleFactory = (options: Record<string, unknown>) => Promise<EngineModule>;

export interface NativeOptions {
  /** Folder the programs lie in; beside the SDK by default. */
  folder?: string;
  /** Threads to compute on: 0 = all processors. */
  threads?: number;
  /** Use the plain SIMD program even where relaxed SIMD is there (for tests and comparisons). */
  relaxedSimd?: boolean;
}

/** Where a weight's bytes go, as a recording says. */
export interface WeightLayout {
  index: number;
  layout: 'f32' | 'f16' | 'i32';
  elements: number;
  /** Bytes of the buffer, padding included. */
  size: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The most threads worth starting: past it, the encoders this engine runs gain nothing. */
const maxThreads = 16;

export class Native {
  readonly #module: EngineModule;
  /** Set once the program has trapped, when its memory can no longer be trusted, or was closed. */
  broken: IpfsAccelerateError | undefined;

  private constructor(module: EngineModule, readonly program: string, readonly threads: number) {
    this.#module = module;
  }

  static async load(options: NativeOptions = {}): Promise<Native> {
    const features = wasmFeatures();
    if (!features.simd) fail('no_adapter', 'this JavaScript engine has no WebAssembly SIMD; use a browser of 2021 or later');
    const threads = Math.min(maxThreads, options.threads || features.processors);
    const program = programName({
      threads: features.threads && threads > 1,
      relaxedSimd: options.relaxedSimd ?? features.relaxedSimd,
    });
    const folder = options.folder ?? new URL('.', import.meta.url).href;
    const url = new URL(`${program}.mjs`, folder).href;
    try {
      const factory = ((await import(/* @vite-ignore */ url)) as {default: ModuleFactory}).default;
      const wasmBinary = isNode() ? await readFileUrl(new URL(`${program}.wasm`, folder)) : undefined;
      const module = await factory({iaThreads: threads - 1, ...(wasmBinary ? {wasmBinary} : {})});
      return new Native(module, program, features.threads ? threads : 1);
    } catch (error) {
      return fail('source_error', `the engine ${url} cannot be loaded: ${String(error)}`, error);
    }
  }

  /** Ends the program's threads; nothing runs on it any more. */
  close(): void {
    this.broken ??= new IpfsAccelerateError('internal', 'this WebAssembly engine was closed, by dispose() or because another number of threads was asked for; call again');
    this.#module.PThread?.terminateAllThreads();
  }

  /** The program's whole memory, now: the view is stale once the memory has grown. */
  heap(): Uint8Array {
    return new Uint8Array(this.#module.wasmMemory.buffer);
  }

  get memoryBytes(): number {
    return this.#module.wasmMemory.buffer.byteLength;
  }

  /** A copy of memory, in a buffer that is not shared. */
  read(pointer: number, size: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.heap().subarray(pointer, pointer + size));
  }

  alloc(size: number): number {
    const pointer = this.raw('ia_alloc', Math.max(size, 1)) >>> 0;
    if (pointer === 0) fail('out_of_memory', `the WebAssembly memory has no room for ${size} more bytes`);
    return pointer;
  }

  free(pointer: number): void {
    this.raw('ia_free', pointer);
  }

  /** Copies bytes in; the caller frees the pointer. */
  put(bytes: Uint8Array): number {
    const pointer = this.alloc(bytes.byteLength);
    this.heap().set(bytes, pointer);
    return pointer;
  }

  /** Calls an export as it is; a trap becomes an error and marks the program as broken. */
  raw(name: string, ...args: number[]): number {
    if (this.broken) throw this.broken;
    try {
      return this.#module[`_${name}`]!(...args);
    } catch (error) {
      const code: ErrorCode = /memory|OOM/i.test(String(error)) ? 'out_of_memory' : 'internal';
      this.broken = new IpfsAccelerateError(code, `the WebAssembly engine stopped in ${name}: ${String(error)}`, {cause: error});
      throw this.broken;
    }
  }

  /** Calls an export with numbers, then texts or bytes (each as pointer and size); gives the JSON answer. */
  call<T>(name: string, numbers: number[], ...blobs: (string | Uint8Array)[]): T {
    const args = [...numbers];
    const pointers: number[] = [];
    try {
      for (const blob of blobs) {
        const bytes = typeof blob === 'string' ? encoder.encode(blob) : blob;
        const pointer = this.put(bytes);
        pointers.push(pointer);
        args.push(pointer, bytes.byteLength);
      }
      return this.#answer(this.raw(name, ...args)) as T;
    } finally {
      if (!this.broken) for (const pointer of pointers) this.free(pointer);
    }
  }

  #answer(code: number): unknown {
    const text = this.read(this.raw('ia_reply_data') >>> 0, this.raw('ia_reply_size'));
    const json: unknown = JSON.parse(decoder.decode(text));
    if (code === 0) return json;
    const {code: name, message} = json as {code: ErrorCode; message: string};
    throw new IpfsAccelerateError(name, message);
  }

  /** The binary part of the last answer, copied out and dropped inside. */
  takeBytes(): Uint8Array<ArrayBuffer> {
    const bytes = this.read(this.raw('ia_bytes_data') >>> 0, this.raw('ia_bytes_size'));
    this.raw('ia_bytes_drop');
    return bytes;
  }

  takeText(): string {
    return decoder.decode(this.takeBytes());
  }

  /** Hands weight parts to `use` as the JSON the exports read; frees them afterwards. */
  withParts<T>(parts: WeightPart[], use: (json: object[]) => T): T {
    const pointers: number[] = [];
    try {
      const json = parts.map((part) => {
        const pointer = this.put(part.bytes);
        pointers.push(pointer);
        return {dtype: part.dtype, shape: part.shape, pointer, bytes: part.bytes.byteLength};
      });
      return use(json);
    } finally {
      if (!this.broken) for (const pointer of pointers) this.free(pointer);
    }
  }

  /** A weight's bytes as a device buffer holds them: converted, stacked and padded. */
  packWeight(graph: number, layout: WeightLayout, parts: WeightPart[]): Uint8Array<ArrayBuffer> {
    this.withParts(parts, (json) => this.call('ia_pack_weight', [graph], JSON.stringify({...layout, parts: json})));
    return this.takeBytes();
  }
}

async function readFileUrl(url: URL): Promise<Uint8Array> {
  const {readFile} = await import('node:fs/promises');
  return readFile(url);
}
