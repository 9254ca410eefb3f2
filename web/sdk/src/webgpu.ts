// The WebGPU backend: replays the engine's recordings (docs/recording.md) on navigator.gpu.
import {type Executable, type Program, type Segment, type ShapeClass, type WeightReader} from './backend';
import {checkAborted, fail} from './errors';
import type {GpuDevice} from './gpuDevice';
import type {Native, WeightLayout} from './wasm';

type Layout = 'f32' | 'f16' | 'i32';
interface BufferSpec {
  kind: 'weight' | 'activation' | 'input' | 'output' | 'uniform' | 'constant';
  bytes: number;
  index?: number;
  layout?: Layout;
  elements?: number;
  /** base64 */
  data?: string;
}
interface Recording {
  version: number;
  buffers: BufferSpec[];
  pipelines: {label: string; wgsl: string; bindings: GPUBufferBindingType[]}[];
  dispatches: {pipeline: number; bindings: [number, number, number][]; workgroups: [number, number, number]; label: string}[];
  optimizations: string[];
  activation_bytes: number;
}

// GPUBufferUsage and GPUMapMode exist as globals only where WebGPU does; these are the specification's numbers.
const mapRead = 1, copySrc = 4, copyDst = 8, uniform = 64, storage = 128;
const usages = {
  weight: storage | copyDst, activation: storage, input: storage | copyDst, output: storage | copySrc,
  uniform: uniform | copyDst, constant: storage | copyDst,
};
const mapModeRead = 1;

export class GpuProgram implements Program {
  weightBytes = 0;
  optimizations: string[] = [];
  /** By weight and layout; every recording of this program shares them. */
  readonly #weights = new Map<string, GPUBuffer>();

  constructor(readonly native: Native, readonly gpu: GpuDevice, readonly segment: Segment, readonly precision: number) {}

  async compile(shape: ShapeClass, read: WeightReader, signal?: AbortSignal): Promise<Executable> {
    this.gpu.checkAlive();
    const recording = this.#record(shape);
    const pipelines = Promise.all(recording.pipelines.map(({label, wgsl, bindings}) => this.gpu.pipeline(label, wgsl, bindings)));
    pipelines.catch(() => undefined); // awaited below; the upload may fail first
    await this.#upload(recording, read);
    checkAborted(signal);
    const executable = await this.#build(recording, await pipelines);
    this.optimizations = recording.optimizations;
    return executable;
  }

  dispose(): void {
    for (const buffer of this.#weights.values()) buffer.destroy();
    this.#weights.clear();
  }

  #record(shape: ShapeClass): Recording {
    const request = JSON.stringify({...shape, capabilities: this.gpu.capabilities, precision: this.precision});
    this.native.call('ia_record', [this.segment.graph], request);
    const recording = JSON.parse(this.native.takeText()) as Recording;
    if (recording.version !== 1) fail('internal', `the engine makes recordings of version ${recording.version}, this executor replays 1`);
    return recording;
  }

  /** Fills the weight buffers that are not there yet. */
  async #upload(recording: Recording, read: WeightReader): Promise<void> {
    const missing = new Map<number, BufferSpec[]>();
    for (const spec of recording.buffers) {
      if (spec.kind !== 'weight' || this.#weights.has(weightKey(spec))) continue;
      const wanted = missing.get(spec.index!) ?? [];
      if (!wanted.some((other) => other.layout === spec.layout)) missing.set(spec.index!, [...wanted, spec]);
    }
    if (missing.size === 0) return;
    const {device} = this.gpu;
    const added: string[] = [];
    try {
      await this.#scoped('uploading weights', () => read(missing.keys(), (id, parts) => {
        for (const spec of missing.get(id)!) {
          const layout: WeightLayout = {index: id, layout: spec.layout!, elements: spec.elements!, size: spec.bytes};
          const bytes = this.native.packWeight(this.segment.graph, layout, parts);
          const buffer = device.createBuffer({label: `weight ${id}`, size: spec.bytes, usage: usages.weight});
          device.queue.writeBuffer(buffer, 0, bytes);
          this.#weights.set(weightKey(spec), buffer);
          added.push(weightKey(spec));
          this.weightBytes += spec.bytes;
        }
      }));
    } catch (error) {
      for (const key of added) {
        this.weightBytes -= this.#weights.get(key)!.size;
        this.#weights.get(key)!.destroy();
        this.#weights.delete(key);
      }
      throw error;
    }
  }

  #build(recording: Recording, pipelines: GPUComputePipeline[]): Promise<GpuExecutable> {
    const {device} = this.gpu;
    return this.#scoped('building the plan', async () => {
      const buffers = recording.buffers.map((spec) => {
        if (spec.kind === 'weight') return this.#weights.get(weightKey(spec))!;
        const buffer = device.createBuffer({label: spec.kind, size: spec.bytes, usage: usages[spec.kind]});
        if (spec.data) device.queue.writeBuffer(buffer, 0, fromBase64(spec.data));
        return buffer;
      });
      return new GpuExecutable(this.gpu, recording, buffers, pipelines);
    });
  }

  /** What the device complains about during `work`, as errors. */
  async #scoped<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const {device} = this.gpu;
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    let result: T;
    try {
      result = await work();
    } finally {
      const memory = await device.popErrorScope();
      const validation = await device.popErrorScope();
      this.gpu.checkAlive();
      if (memory) fail('out_of_memory', `${this.gpu.name} has no memory left while ${doing}: ${memory.message}`);
      if (validation) fail('internal', `${this.gpu.name} refused a command while ${doing}: ${validation.message}`);
    }
    return result;
  }
}

interface Port {
  buffer: GPUBuffer;
  bytes: number;
  layout: Layout;
  elements: number;
}

class GpuExecutable implements Executable {
  readonly activationBytes: number;
  readonly #inputs: Port[] = [];
  readonly #outputs: (Port & {offset: number})[] = [];
  readonly #steps: {pipeline: GPUComputePipeline; group: GPUBindGroup; workgroups: [number, number, number]}[];
  readonly #readback: GPUBuffer;
  readonly #owned: GPUBuffer[];

  constructor(readonly gpu: GpuDevice, recording: Recording, buffers: GPUBuffer[], pipelines: GPUComputePipeline[]) {
    const {device} = gpu;
    this.activationBytes = recording.activation_bytes;
    let offset = 0;
    recording.buffers.forEach((spec, i) => {
      const port = {buffer: buffers[i]!, bytes: spec.bytes, layout: spec.layout ?? 'f32', elements: spec.elements ?? 0};
      if (spec.kind === 'input') this.#inputs[spec.index!] = port;
      if (spec.kind !== 'output') return;
      this.#outputs[spec.index!] = {...port, offset};
      offset += spec.bytes;
    });
    this.#readback = device.createBuffer({label: 'read-back', size: Math.max(offset, 16), usage: mapRead | copyDst});
    this.#owned = buffers.filter((_, i) => recording.buffers[i]!.kind !== 'weight');
    this.#steps = recording.dispatches.map(({pipeline, bindings, workgroups, label}) => ({
      pipeline: pipelines[pipeline]!,
      workgroups,
      group: device.createBindGroup({
        label,
        layout: pipelines[pipeline]!.getBindGroupLayout(0),
        entries: bindings.map(([buffer, at, size], binding) => ({binding, resource: {buffer: buffers[buffer]!, offset: at, size}})),
      }),
    }));
  }

  async run(inputs: Uint8Array[]): Promise<Uint8Array[]> {
    this.gpu.checkAlive();
    const {device} = this.gpu;
    this.#inputs.forEach((port, i) => device.queue.writeBuffer(port.buffer, 0, inputs[i] as Uint8Array<ArrayBuffer>));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let last: GPUComputePipeline | undefined;
    for (const {pipeline, group, workgroups} of this.#steps) {
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    for (const port of this.#outputs) encoder.copyBufferToBuffer(port.buffer, 0, this.#readback, port.offset, port.bytes);
    device.queue.submit([encoder.finish()]);
    try {
      await this.#readback.mapAsync(mapModeRead);
    } catch (error) {
      this.gpu.checkAlive();
      return fail('device_lost', `the result cannot be read back from ${this.gpu.name}: ${String(error)}`, error);
    }
    const mapped = this.#readback.getMappedRange();
    const results = this.#outputs.map((port) => readPort(mapped, port));
    this.#readback.unmap();
    return results;
  }

  dispose(): void {
    for (const buffer of this.#owned) buffer.destroy();
    this.#readback.destroy();
  }
}

function weightKey(spec: BufferSpec): string {
  return `${spec.index} ${spec.layout}`;
}

function readPort(mapped: ArrayBuffer, port: Port & {offset: number}): Uint8Array {
  if (port.layout !== 'f16') return new Uint8Array(mapped.slice(port.offset, port.offset + port.elements * 4));
  const halves = new Uint16Array(mapped, port.offset, port.elements);
  return new Uint8Array(Float32Array.from(halves, widenHalf).buffer);
}

function widenHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
