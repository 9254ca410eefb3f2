// What this JavaScript engine offers to WebAssembly, and which of the four programs fits it.

export interface WasmFeatures {
  simd: boolean;
  relaxedSimd: boolean;
  /** Shared memory can be used: a cross-origin isolated page, or Node. */
  threads: boolean;
  /** Logical processors. */
  processors: number;
}

const header = [0, 97, 115, 109, 1, 0, 0, 0];
const oneVectorFunction = [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
const splat = [0x41, 0, 0xfd, 0x0f];

/** A module with one function () -> v128 of this body. */
function moduleOf(body: number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x0b];
  return new Uint8Array([...header, ...oneVectorFunction, 10, code.length + 2, 1, code.length, ...code]);
}

const simdModule = moduleOf(splat);
const relaxedModule = moduleOf([...splat, ...splat, ...splat, 0xfd, 0x85, 0x02]); // f32x4.relaxed_madd

export function isNode(): boolean {
  return typeof process !== 'undefined' && typeof process.versions?.node === 'string' && typeof window === 'undefined';
}

export function wasmFeatures(): WasmFeatures {
  const isolated = isNode() || (globalThis as {crossOriginIsolated?: boolean}).crossOriginIsolated === true;
  return {
    simd: WebAssembly.validate(simdModule),
    relaxedSimd: WebAssembly.validate(relaxedModule),
    threads: isolated && typeof SharedArrayBuffer === 'function',
    processors: globalThis.navigator?.hardwareConcurrency ?? 1,
  };
}

/** File name, without ending, of the program for these features. */
export function programName(features: {threads: boolean; relaxedSimd: boolean}, kind = 'engine'): string {
  return `${kind}${features.threads ? '-threads' : ''}${features.relaxedSimd ? '-relaxed' : ''}`;
}
