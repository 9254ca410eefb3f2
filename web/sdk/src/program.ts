// Loading one of the WebAssembly programs (bindings/wasm) that lie beside the SDK.
import {fail} from './errors';
import {isNode, programName, wasmFeatures} from './features';
import type {ByteTable} from './ports/byteTable';

/** What Emscripten's module object gives us. */
export interface Module {
  wasmMemory: WebAssembly.Memory;
  /** In the programs with threads. */
  PThread?: {terminateAllThreads(): void};
  [name: `_${string}`]: (...args: number[]) => number;
}

export interface ProgramOptions {
  /** Folder the programs lie in; beside the SDK by default. */
  folder?: string;
  /** Threads to compute on: 0 = all processors. */
  threads?: number;
  /** Use the plain SIMD program even where relaxed SIMD is there (for tests and comparisons). */
  relaxedSimd?: boolean;
  /** `test` answers calls that only tests make. */
  kind?: 'engine' | 'test';
}

export interface Program {
  module: Module;
  name: string;
  threads: number;
}

/** The most threads worth starting: past it, the encoders this engine runs gain nothing. */
const maxThreads = 16;

export async function loadProgram(options: ProgramOptions, bytes: ByteTable): Promise<Program> {
  const features = wasmFeatures();
  if (!features.simd)
    fail('no_adapter', 'this JavaScript engine has no WebAssembly SIMD; use a browser of 2021 or later');
  const wanted = Math.trunc(options.threads ?? 0);
  const threads = features.threads ? Math.min(maxThreads, wanted > 0 ? wanted : features.processors) : 1;
  const name = programName(
    {threads: threads > 1, relaxedSimd: options.relaxedSimd ?? features.relaxedSimd},
    options.kind,
  );
  const folder = options.folder ?? new URL('.', import.meta.url).href;
  const url = new URL(`${name}.mjs`, folder).href;
  try {
    const {default: factory} = (await import(/* @vite-ignore */ url)) as {
      default: (options: object) => Promise<Module>;
    };
    const wasmBinary = isNode() ? await readFileUrl(new URL(`${name}.wasm`, folder)) : undefined;
    const module = await factory({iaThreads: threads - 1, iaBytes: bytes, ...(wasmBinary ? {wasmBinary} : {})});
    bytes.memory = module.wasmMemory;
    return {module, name, threads};
  } catch (error) {
    return fail('source_error', `the engine ${url} cannot be loaded: ${String(error)}`, error);
  }
}

async function readFileUrl(url: URL): Promise<Uint8Array> {
  const {readFile} = await import('node:fs/promises');
  return readFile(url);
}
