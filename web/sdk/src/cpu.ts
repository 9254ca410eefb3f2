// The CPU backend: the engine's own kernels, in WebAssembly.
import {elementCount, type Executable, type Program, type Segment, type ShapeClass, type WeightReader} from './backend';
import {checkAborted} from './errors';
import type {Native} from './wasm';

export interface CpuDevice {
  name: string;
  features: string[];
  threads: number;
}

export function cpuDevice(native: Native): CpuDevice {
  return native.call<CpuDevice>('ia_cpu_device', [native.threads]);
}

export class CpuProgram implements Program {
  weightBytes = 0;
  readonly optimizations: string[];
  readonly #program: number;
  #uploaded: Promise<void> | undefined;

  constructor(readonly native: Native, readonly segment: Segment, options: {precision: number; threads: number}) {
    const reply = native.call<{program: number; optimizations: string[]}>('ia_cpu_load', [segment.graph], JSON.stringify(options));
    this.#program = reply.program;
    this.optimizations = reply.optimizations;
  }

  async compile(shape: ShapeClass, read: WeightReader, signal?: AbortSignal): Promise<Executable> {
    this.#uploaded ??= read(this.segment.weights, (index, parts) => {
      this.native.withParts(parts, (json) => this.native.call('ia_cpu_upload', [this.#program], JSON.stringify({index, parts: json})));
    });
    await this.#uploaded.catch((error: unknown) => {
      this.#uploaded = undefined;
      throw error;
    });
    checkAborted(signal);
    const reply = this.native.call<{executable: number; activation_bytes: number; weight_bytes: number}>(
        'ia_cpu_compile', [this.#program], JSON.stringify(shape));
    this.weightBytes = reply.weight_bytes;
    return new CpuExecutable(this.native, this.segment, shape, reply.executable, reply.activation_bytes);
  }

  dispose(): void {
    if (!this.native.broken) this.native.raw('ia_cpu_free', this.#program);
  }
}

interface Slot {
  dtype: string;
  pointer: number;
  bytes: number;
}

class CpuExecutable implements Executable {
  readonly #inputs: Slot[];
  readonly #outputs: Slot[];
  readonly #request: string;

  constructor(readonly native: Native, segment: Segment, shape: ShapeClass, readonly executable: number, readonly activationBytes: number) {
    const slots = (values: Segment['inputs']): Slot[] => values.map((value) => {
      const bytes = elementCount(value.dims, shape) * 4;
      return {dtype: value.dtype, pointer: native.alloc(bytes), bytes};
    });
    this.#inputs = slots(segment.inputs);
    this.#outputs = slots(segment.outputs);
    this.#request = JSON.stringify({inputs: this.#inputs, outputs: this.#outputs});
  }

  async run(inputs: Uint8Array[]): Promise<Uint8Array[]> {
    const heap = this.native.heap();
    inputs.forEach((bytes, i) => heap.set(bytes, this.#inputs[i]!.pointer));
    this.native.call('ia_cpu_run', [this.executable], this.#request);
    return this.#outputs.map((slot) => this.native.read(slot.pointer, slot.bytes));
  }

  dispose(): void {
    if (this.native.broken) return;
    this.native.raw('ia_executable_free', this.executable);
    for (const slot of [...this.#inputs, ...this.#outputs]) this.native.free(slot.pointer);
  }
}
