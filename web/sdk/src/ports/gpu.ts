// Gpu: navigator.gpu makes buffers, pipelines and bind groups, submits and reads. The engine decides what (docs/recording.md).
import type {PortRequest, Ports} from '../border';
import {IpfsAccelerateError, asError, fail} from '../errors';
import {factsOf, requestAdapter, requestDevice, type Wanted} from './gpuAdapter';

type Triple = [number, number, number];
interface BufferSpec {
  kind: 'weight' | 'state' | 'activation' | 'input' | 'output' | 'uniform' | 'constant';
  bytes: number;
  index?: number;
  /** base64 */
  data?: string;
}
interface Recording {
  version: number;
  buffers: BufferSpec[];
  pipelines: {label: string; wgsl: string; bindings: GPUBufferBindingType[]}[];
  dispatches: {pipeline: number; bindings: Triple[]; workgroups: Triple; label: string}[];
  /** Of the buffer through which outputs are read, all at once. */
  readback_bytes: number;
}

interface Output {
  buffer: GPUBuffer;
  /** Of the device buffer, padding included. */
  bytes: number;
}
interface Plan {
  inputs: GPUBuffer[];
  outputs: Output[];
  steps: {pipeline: GPUComputePipeline; group: GPUBindGroup; workgroups: Triple}[];
  readback: GPUBuffer;
  owned: GPUBuffer[];
}

// GPUBufferUsage is a global only where WebGPU is: MAP_READ = 1, COPY_SRC = 4, COPY_DST = 8, UNIFORM = 64, STORAGE = 128
const usages = {weight: 136, activation: 128, input: 136, output: 132, uniform: 72, constant: 136, readback: 9};
const mapModeRead = 1;

/** One device, with everything that was made on it. */
class OpenGpu {
  lost: string | undefined;
  readonly whenLost: Promise<string>;
  readonly buffers = new Map<number, GPUBuffer>();
  readonly plans = new Map<number, Plan>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(
    readonly number: number,
    readonly device: GPUDevice,
    readonly adapter: GPUAdapter,
  ) {
    this.whenLost = device.lost.then((info) => (this.lost = info.message || info.reason || 'the device is gone'));
  }

  /** For messages. */
  get name(): string {
    const {vendor, architecture, device, description} = this.adapter.info;
    return [vendor, architecture, device, description].filter(Boolean).join(' ') || 'the GPU';
  }

  checkAlive(): void {
    if (this.lost !== undefined) fail('device_lost', `the WebGPU device was lost: ${this.lost}`);
  }

  /** A pipeline by its shader text; equal texts are compiled once. shader_compile quotes the compiler. */
  pipeline(label: string, code: string, bindings: GPUBufferBindingType[]): Promise<GPUComputePipeline> {
    const key = `${bindings.join()} ${code}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(label, code, bindings);
      this.#pipelines.set(key, pipeline);
      pipeline.catch(() => this.#pipelines.delete(key));
    }
    return pipeline;
  }

  async #compile(label: string, code: string, bindings: GPUBufferBindingType[]): Promise<GPUComputePipeline> {
    const entries = bindings.map((type, binding) => ({binding, visibility: 4 /* COMPUTE */, buffer: {type}}));
    const layout = this.device.createPipelineLayout({bindGroupLayouts: [this.device.createBindGroupLayout({entries})]});
    const module = this.device.createShaderModule({label, code});
    try {
      return await this.device.createComputePipelineAsync({label, layout, compute: {module, entryPoint: 'main'}});
    } catch (error) {
      this.checkAlive();
      const info = await module.getCompilationInfo();
      const errors = info.messages.filter(({type}) => type === 'error').map((one) => `${one.lineNum}: ${one.message}`);
      const why = errors.join('; ') || String(error);
      return fail('shader_compile', `the kernel ${label} does not compile on ${this.name}: ${why}`, error);
    }
  }

  /** What the device complains about during `work`, as errors. Scopes nest, so `work` must not wait. */
  async scoped<T>(doing: string, work: () => T): Promise<T> {
    this.device.pushErrorScope('validation');
    this.device.pushErrorScope('out-of-memory');
    const result = work();
    const [memory, validation] = await Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
    this.checkAlive();
    if (memory) fail('out_of_memory', `${this.name} has no memory left while ${doing}: ${memory.message}`);
    if (validation) fail('internal', `${this.name} refused a command while ${doing}: ${validation.message}`);
    return result;
  }

  filled(label: string, usage: number, size: number, bytes: Uint8Array | undefined): GPUBuffer {
    const buffer = this.device.createBuffer({label, size, usage});
    if (bytes) this.device.queue.writeBuffer(buffer, 0, bytes as Uint8Array<ArrayBuffer>); // shared memory is allowed too
    return buffer;
  }

  plan(recording: Recording, kept: GPUBuffer[], pipelines: GPUComputePipeline[]): Plan {
    let next = 0;
    const buffers = recording.buffers.map(({kind, bytes, data}) =>
      kind === 'weight' || kind === 'state'
        ? kept[next++]!
        : this.filled(kind, usages[kind], bytes, data === undefined ? undefined : fromBase64(data)),
    );
    const owned = buffers.filter((buffer) => !kept.includes(buffer));
    const inputs: GPUBuffer[] = [];
    const outputs: Output[] = [];
    recording.buffers.forEach(({kind, bytes, index}, i) => {
      if (kind === 'input') inputs[index!] = buffers[i]!;
      if (kind !== 'output') return;
      outputs[index!] = {buffer: buffers[i]!, bytes};
    });
    const readback = this.filled('read-back', usages.readback, recording.readback_bytes, undefined);
    owned.push(readback);
    const steps = recording.dispatches.map(({pipeline, bindings, workgroups, label}) => ({
      pipeline: pipelines[pipeline]!,
      workgroups,
      group: this.device.createBindGroup({
        label,
        layout: pipelines[pipeline]!.getBindGroupLayout(0),
        entries: bindings.map(([buffer, offset, size], binding) => ({
          binding,
          resource: {buffer: buffers[buffer]!, offset, size},
        })),
      }),
    }));
    return {inputs, outputs, steps, readback, owned};
  }

  /** Submissions of one plan follow each other: they share its buffers. */
  async submit(plan: Plan, request: PortRequest): Promise<void> {
    const {queue} = this.device;
    const {readback} = plan;
    const inputCount = request.numbers[1]!;
    plan.inputs.forEach((buffer, i) => queue.writeBuffer(buffer, 0, request.bytes(i) as Uint8Array<ArrayBuffer>));
    const wanted = plan.outputs
      .map((output, i) => ({...output, span: inputCount + i}))
      .filter(({span}) => request.spans[span]!.size > 0);
    queue.submit([this.#encode(plan, wanted)]);
    const size = wanted.reduce((sum, {bytes}) => sum + bytes, 0);
    if (size === 0) return;
    try {
      await readback.mapAsync(mapModeRead, 0, size);
    } catch (error) {
      this.checkAlive();
      fail('device_lost', `the result cannot be read back from ${this.name}: ${String(error)}`, error);
    }
    const mapped = readback.getMappedRange(0, size);
    let offset = 0;
    for (const {span, bytes} of wanted) {
      const into = request.bytes(span); // only now: the engine's memory may have grown meanwhile
      into.set(new Uint8Array(mapped, offset, into.byteLength));
      offset += bytes;
    }
    readback.unmap();
  }

  #encode({steps, readback}: Plan, outputs: Output[]): GPUCommandBuffer {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let last: GPUComputePipeline | undefined;
    for (const {pipeline, group, workgroups} of steps) {
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    let offset = 0;
    for (const {buffer, bytes} of outputs) {
      encoder.copyBufferToBuffer(buffer, 0, readback, offset, bytes);
      offset += bytes;
    }
    return encoder.finish();
  }

  dropPlan(number: number): void {
    const plan = this.plans.get(number);
    this.plans.delete(number);
    for (const buffer of plan?.owned ?? []) buffer.destroy();
  }
}

async function openDevice(number: number, wanted: Wanted): Promise<OpenGpu> {
  const adapter = await requestAdapter();
  try {
    return new OpenGpu(number, await requestDevice(adapter, wanted), adapter);
  } catch (error) {
    throw asError(error, 'no_adapter');
  }
}

const fromBase64 = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

export function gpuPort(): Ports {
  let open: OpenGpu | undefined;
  let opening: Promise<OpenGpu> | undefined;
  let last = 0; // numbers are never used twice, so that one of a lost device names nothing
  const alive = (): OpenGpu => {
    if (!open) throw new IpfsAccelerateError('device_lost', 'no WebGPU device is open');
    open.checkAlive();
    return open;
  };
  const requests: Ports['requests'] = {
    gpu_list: async ({text}) => {
      const adapter = await requestAdapter();
      return {text: JSON.stringify([factsOf(adapter, adapter, JSON.parse(text) as Wanted)])};
    },
    gpu_open: async ({text}) => {
      const wanted = JSON.parse(text) as Wanted;
      if (!open || open.lost !== undefined) {
        opening ??= openDevice((last += 1), wanted).finally(() => (opening = undefined));
        open = await opening;
      }
      const {number, device, adapter} = open;
      const said = {adapter: factsOf(adapter, adapter, wanted), device: factsOf(adapter, device, wanted)};
      return {numbers: [number], text: JSON.stringify(said)};
    },
    gpu_lost: async () => ({text: await open!.whenLost}),
    gpu_buffer: async (request) => {
      const gpu = alive();
      const number = (last += 1);
      const fill = () => gpu.filled('weight', usages.weight, request.numbers[0]!, request.bytes(0));
      gpu.buffers.set(number, await gpu.scoped('uploading weights', fill));
      return {numbers: [number]};
    },
    gpu_plan: async ({text, numbers}) => {
      const gpu = alive();
      const number = (last += 1);
      const recording = JSON.parse(text) as Recording;
      if (recording.version !== 1) fail('internal', `a recording of version ${recording.version}`);
      const kept = numbers.map(
        (id) => gpu.buffers.get(id) ?? fail('device_lost', `the device that held buffer ${id} is gone`),
      );
      const pipelines = await Promise.all(
        recording.pipelines.map(({label, wgsl, bindings}) => gpu.pipeline(label, wgsl, bindings)),
      );
      const plan = await gpu.scoped('building the plan', () => gpu.plan(recording, kept, pipelines));
      gpu.plans.set(number, plan);
      return {numbers: [number, plan.owned.reduce((sum, buffer) => sum + buffer.size, 0)]};
    },
    gpu_submit: (request) => {
      const gpu = alive();
      const [number] = request.numbers as [number];
      const plan = gpu.plans.get(number) ?? fail('device_lost', `the device that held plan ${number} is gone`);
      return gpu.submit(plan, request);
    },
  };
  return {
    requests,
    notices: {
      gpu_drop_buffer: (number) => {
        open?.buffers.get(number)?.destroy();
        open?.buffers.delete(number);
      },
      gpu_drop_plan: (number) => open?.dropPlan(number),
    },
    close: () => open?.device.destroy(),
  };
}
