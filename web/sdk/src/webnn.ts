// WebNN in the page: the graphs that the engine lowered (docs/webnn.md), on one context or, for batches, on several side by side.
import {elementCount, type Executable, type Program, type Segment, type ShapeClass, type WeightPart, type WeightReader} from './backend';
import {IpfsAccelerateError, asError, checkAborted, fail} from './errors';
import type {WeightLayout} from './wasm';
import {GraphMaker, RunnableGraph, byteLength, elementsOf} from './webnnGraph';
import {openLanes} from './webnnLanes';
import type {LoweredGraph, ML, MLContext} from './webnnTypes';

/** What this file needs of the WebAssembly engine (class Native). */
export interface WebnnEngine {
  call<T>(name: string, numbers: number[], ...blobs: string[]): T;
  takeText(): string;
  packWeight(graph: number, layout: WeightLayout, parts: WeightPart[]): Uint8Array<ArrayBuffer>;
}

type DeviceType = 'cpu' | 'gpu' | 'npu';

async function openContext(deviceType?: DeviceType): Promise<MLContext> {
  const ml = (globalThis.navigator as {ml?: ML} | undefined)?.ml;
  if (!ml) fail('no_adapter', 'this browser has no WebNN (navigator.ml); use platform webgpu, cpu or auto');
  try {
    return await ml.createContext(deviceType ? {deviceType} : {});
  } catch (error) {
    return fail('no_adapter', `this browser gives no WebNN context: ${asError(error).message}`, error);
  }
}

/** WebNN as this browser offers it. */
export class WebnnDevice {
  /** Set once the browser has taken a context away. */
  lost: IpfsAccelerateError | undefined;
  /** opSupportLimits(), which decides what the engine lowers to this device. */
  readonly limits: Record<string, unknown>;
  #lanes: Promise<MLContext[]> | undefined;

  private constructor(readonly context: MLContext, readonly deviceType: DeviceType | undefined) {
    this.limits = context.opSupportLimits();
    this.#watch(context);
  }

  /** deviceType: a hint; the browser chooses. Error no_adapter says what is missing. */
  static async open(deviceType?: DeviceType): Promise<WebnnDevice> {
    return new WebnnDevice(await openContext(deviceType), deviceType);
  }

  #watch(context: MLContext): void {
    void context.lost.then((info) => {
      this.lost = new IpfsAccelerateError('device_lost', `the browser closed its WebNN context: ${info.message || 'no reason given'}; load the model again`);
    });
  }

  /** Contexts that compute side by side; found out by measuring when the first batch comes. */
  lanes(): Promise<MLContext[]> {
    this.#lanes ??= openLanes(this.context, () => openContext(this.deviceType)).then((contexts) => {
      for (const context of contexts.slice(1)) this.#watch(context);
      return contexts;
    });
    return this.#lanes;
  }

  /** Whether the browser says that a GPU or NPU computes; undefined when it does not say. */
  get accelerated(): boolean | undefined {
    return this.context.accelerated;
  }

  /** Whether matrices of f16 can be multiplied here. */
  get hasFloat16(): boolean {
    const {matmul} = this.limits as {matmul?: {a?: {dataTypes?: string[]}}};
    return matmul?.a?.dataTypes?.includes('float16') === true;
  }

  /** As far as the browser says what computes. */
  get name(): string {
    if (this.accelerated === undefined) return 'WebNN; the browser does not name the device';
    return this.accelerated ? 'WebNN, accelerated' : 'WebNN on the CPU';
  }

  load(engine: WebnnEngine, segment: Segment, precision: number): Program {
    return new WebnnProgram(this, engine, segment, precision);
  }

  close(): void {
    this.context.destroy();
    void this.#lanes?.then((contexts) => { for (const context of contexts.slice(1)) context.destroy(); });
  }

  check(): void {
    if (this.lost) throw this.lost;
  }
}

/** Whether sequences of a batch can be computed apart: every value that goes in or out has the batch first. */
function canSplit(segment: Segment): boolean {
  return [...segment.inputs, ...segment.outputs].every(({dims}) => dims[0] === 'batch' && !dims.includes('rows'));
}

/** `batch` in `count` parts that differ by at most one. */
function shares(batch: number, count: number): number[] {
  return Array.from({length: count}, (_, i) => Math.floor(((i + 1) * batch) / count) - Math.floor((i * batch) / count));
}

class WebnnProgram implements Program {
  readonly optimizations: string[];
  /** Every compiled graph has its own copy: WebNN's graphs cannot share constants. */
  weightBytes = 0;

  constructor(readonly device: WebnnDevice, readonly engine: WebnnEngine, readonly segment: Segment, readonly precision: number) {
    this.optimizations = ['whole graph in one dispatch', ...(precision === 16 ? ['f16'] : [])];
  }

  async compile(shape: ShapeClass, read: WeightReader, signal?: AbortSignal): Promise<Executable> {
    this.device.check();
    checkAborted(signal);
    try {
      const contexts = shape.batch > 1 && canSplit(this.segment) ? await this.device.lanes() : [this.device.context];
      const parts = shares(shape.batch, Math.min(contexts.length, shape.batch));
      const makers = parts.map((batch, i) => new GraphMaker(contexts[i]!, this.#lower({...shape, batch})));
      const bytes = parts.length * await this.#addWeights(makers, read);
      checkAborted(signal);
      const graphs: RunnableGraph[] = [];
      for (const maker of makers) graphs.push(await RunnableGraph.make(maker.context, await maker.finish(), maker.lowered));
      checkAborted(signal);
      const executable = new WebnnExecutable(this.device, graphs, parts, this.segment, shape, () => { this.weightBytes -= bytes; });
      this.weightBytes += bytes;
      this.#note(parts.length);
      return executable;
    } catch (error) {
      this.device.check();
      throw asError(error, /memory/i.test(String(error)) ? 'out_of_memory' : 'unsupported_op');
    }
  }

  #lower(shape: ShapeClass): LoweredGraph {
    this.engine.call('ia_lower', [this.segment.graph], JSON.stringify({...shape, limits: this.device.limits, precision: this.precision}));
    return JSON.parse(this.engine.takeText()) as LoweredGraph;
  }

  /** Each weight is read and converted once, and goes into every graph. Gives the bytes of one copy. */
  async #addWeights(makers: GraphMaker[], read: WeightReader): Promise<number> {
    const weights = makers.map((maker) => maker.weights);
    let total = 0;
    await read(weights[0]!.keys(), (id, parts) => {
      const descriptor = weights[0]!.get(id)!;
      const size = byteLength(descriptor);
      const layout = descriptor.dataType === 'float16' ? 'f16' : 'f32';
      const packed = this.engine.packWeight(this.segment.graph, {index: id, layout, elements: elementsOf(descriptor), size}, parts);
      makers.forEach((maker, i) => maker.addWeight(weights[i]!.get(id)!.operand, descriptor, packed.subarray(0, size)));
      total += size;
    });
    return total;
  }

  #note(lanes: number): void {
    const note = `batch over ${lanes} contexts side by side`;
    if (lanes > 1 && !this.optimizations.includes(note)) this.optimizations.push(note);
  }

  dispose(): void {}  // everything belongs to the executables
}

class WebnnExecutable implements Executable {
  readonly activationBytes: number;

  constructor(
      readonly device: WebnnDevice, readonly graphs: RunnableGraph[], readonly shares: number[],
      segment: Segment, readonly shape: ShapeClass, readonly onDispose: () => void) {
    this.activationBytes = graphs.reduce((sum, graph) => sum + graph.bytes, 0);
    segment.outputs.forEach(({name, dims}, i) => {
      const lowered = graphs.reduce((sum, graph) => sum + elementsOf(graph.lowered.outputs[i]!), 0);
      if (elementCount(dims, shape) !== lowered) fail('internal', `the lowered output ${name} has ${lowered} elements, the graph's has ${elementCount(dims, shape)}`);
    });
  }

  async run(inputs: Uint8Array[]): Promise<Uint8Array[]> {
    this.device.check();
    try {
      let from = 0;
      const running = this.graphs.map((graph, i) => {
        const to = from + this.shares[i]!;
        const mine = inputs.map((bytes) => this.#part(bytes, from, to));
        from = to;
        return graph.run(mine);
      });
      const results = await Promise.all(running);
      return results[0]!.map((first, i) => (results.length === 1 ? first : join(results.map((outputs) => outputs[i]!))));
    } catch (error) {
      this.device.check();
      throw asError(error, 'internal');
    }
  }

  /** Sequences [from, to) of an input. */
  #part(bytes: Uint8Array, from: number, to: number): Uint8Array {
    if (this.graphs.length === 1) return bytes;
    const each = bytes.byteLength / this.shape.batch;
    return bytes.subarray(from * each, to * each);
  }

  dispose(): void {
    for (const graph of this.graphs) graph.dispose();
    this.onDispose();
  }
}

function join(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
