// Loading one of the WebAssembly programs (bindings/wasm) that lie beside the SDK.
import {fail} from './errors';
import {isNode, programName, wasmFeatures} from './features';
import type {ByteTable} from './ports/byteTable';

/** What Emscripten's module object gives us. */
export interface Module {
  wasmMemory: WebAssembly.Memory;
  /** In the programs with threads. */
  PThread?: {
    allocateUnusedWorker(): Worker;
    loadWasmModuleToWorker(worker: Worker): Promise<unknown>;
    terminateAllThreads(): void;
  };
  [name: `_${string}`]: (...args: number[]) => number;
}

export interface ProgramOptions {
  /** Folder the programs lie in; beside the SDK by default. */
  folder?: string;
  /** Threads to compute on, as the engine is asked for them. 1: a program without. */
  threads?: number;
  /** Use the plain SIMD program even where relaxed SIMD is there (for tests and comparisons). */
  relaxedSimd?: boolean;
  /** `test` answers calls that only tests make. */
  kind?: 'engine' | 'test';
}

export interface Program {
  module: Module;
  name: string;
  /** What its memory and this machine allow. */
  threaded: boolean;
  processors: number;
}

export async function loadProgram(options: ProgramOptions, bytes: ByteTable): Promise<Program> {
  const features = wasmFeatures();
  if (!features.simd)
    fail('no_adapter', 'this JavaScript engine has no WebAssembly SIMD; use a browser of 2021 or later');
  const threads = features.threads && options.threads !== 1;
  const name = programName({threads, relaxedSimd: options.relaxedSimd ?? features.relaxedSimd}, options.kind);
  const folder = options.folder ?? new URL('.', import.meta.url).href;
  const url = new URL(`${name}.mjs`, folder).href;
  try {
    const {default: factory} = (await import(/* @vite-ignore */ url)) as {
      default: (options: object) => Promise<Module>;
    };
    const wasmBinary = isNode() ? await readFileUrl(new URL(`${name}.wasm`, folder)) : undefined;
    const module = await factory({iaBytes: bytes, ...(wasmBinary ? {wasmBinary} : {})});
    bytes.memory = module.wasmMemory;
    return {module, name, threaded: threads, processors: features.processors};
  } catch (error) {
    return fail('source_error', `the engine ${url} cannot be loaded: ${String(error)}`, error);
  }
}

/** Told before the first thread starts, after each, and at the end: a browser may block for ever in between (client.ts). */
export const starting = {tell: (_threads: number): void => undefined};

/** Starts threads that the program may use. */
export async function startThreads({PThread}: Module, count: number): Promise<void> {
  starting.tell(count);
  const worker = () => PThread!.loadWasmModuleToWorker(PThread!.allocateUnusedWorker());
  const all = Array.from({length: count}, () => worker().then(() => starting.tell(--count)));
  await Promise.all(all).finally(() => starting.tell((count = 0))); // also when one cannot be loaded
}

async function readFileUrl(url: URL): Promise<Uint8Array> {
  const {readFile} = await import('node:fs/promises');
  return readFile(url);
}
