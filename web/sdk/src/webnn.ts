// WebNN in the page: builds the graphs that the engine lowered (docs/webnn.md) and runs them.
import {elementCount, type Executable, type Program, type Segment, type ShapeClass, type WeightPart, type WeightReader} from './backend';
import {IpfsAccelerateError, asError, checkAborted, fail} from './errors';
import type {WeightLayout} from './wasm';
import type {
  BuilderMethod, LoweredGraph, ML, MLContext, MLGraph, MLGraphBuilder, MLGraphBuilderConstructor, MLOperand, MLOperandDescriptor, MLTensor,
} from './webnnTypes';

/** What this file needs of the WebAssembly engine (class Native). */
export interface WebnnEngine {
  call<T>(name: string, numbers: number[], ...blobs: string[]): T;
  takeText(): string;
  packWeight(graph: number, layout: WeightLayout, parts: WeightPart[]): Uint8Array<ArrayBuffer>;
}

const bytesPerElement: Record<string, number> = {float32: 4, int32: 4, float16: 2, uint8: 1};

function byteLength({dataType, shape}: MLOperandDescriptor): number {
  return shape.reduce((product, size) => product * size, bytesPerElement[dataType] ?? 4);
}

/** One WebNN context. */
export class WebnnDevice {
  /** Set once the browser has taken the context away. */
  lost: IpfsAccelerateError | undefined;
  /** opSupportLimits(), which decides what the engine lowers to this device. */
  readonly limits: Record<string, unknown>;

  private constructor(readonly context: MLContext) {
    this.limits = context.opSupportLimits();
    void context.lost.then((info) => {
      this.lost = new IpfsAccelerateError('device_lost', `the browser closed its WebNN context: ${info.message || 'no reason given'}; load the model again`);
    });
  }

  /** deviceType: a hint, 'cpu', 'gpu' or 'npu'; the browser chooses. Error no_adapter says what is missing. */
  static async open(deviceType?: 'cpu' | 'gpu' | 'npu'): Promise<WebnnDevice> {
    const ml = (globalThis.navigator as {ml?: ML} | undefined)?.ml;
    if (!ml) fail('no_adapter', 'this browser has no WebNN (navigator.ml); use platform webgpu, cpu or auto');
    try {
      return new WebnnDevice(await ml.createContext(deviceType ? {deviceType} : {}));
    } catch (error) {
      return fail('no_adapter', `this browser gives no WebNN context: ${asError(error).message}`, error);
    }
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

  /** "WebNN, accelerated", "WebNN on the CPU" or "WebNN". */
  get name(): string {
    return this.accelerated === undefined ? 'WebNN' : this.accelerated ? 'WebNN, accelerated' : 'WebNN on the CPU';
  }

  load(engine: WebnnEngine, segment: Segment, precision: number): Program {
    return new WebnnProgram(this, engine, segment, precision);
  }

  close(): void {
    this.context.destroy();
  }

  check(): void {
    if (this.lost) throw this.lost;
  }
}

class WebnnProgram implements Program {
  readonly optimizations: string[];
  /** Every compiled shape has its own copy. */
  weightBytes = 0;
  constructor(readonly device: WebnnDevice, readonly engine: WebnnEngine, readonly segment: Segment, readonly precision: number) {
    this.optimizations = ['whole graph in one dispatch', ...(precision === 16 ? ['f16'] : [])];
  }

  async compile(shape: ShapeClass, read: WeightReader, signal?: AbortSignal): Promise<Executable> {
    this.device.check();
    checkAborted(signal);
    this.engine.call('ia_lower', [this.segment.graph], JSON.stringify({...shape, limits: this.device.limits, precision: this.precision}));
    const lowered = JSON.parse(this.engine.takeText()) as LoweredGraph;
    try {
      const graph = await this.#build(lowered, read, signal);
      const weights = weightsLength(lowered);
      const executable = await WebnnExecutable.make(this.device, graph, lowered, this.segment, shape, () => { this.weightBytes -= weights; });
      this.weightBytes += weights;
      return executable;
    } catch (error) {
      this.device.check();
      throw asError(error, /memory/i.test(String(error)) ? 'out_of_memory' : 'unsupported_op');
    }
  }

  async #build(lowered: LoweredGraph, read: WeightReader, signal?: AbortSignal): Promise<MLGraph> {
    const Builder = (globalThis as unknown as {MLGraphBuilder: MLGraphBuilderConstructor}).MLGraphBuilder;
    const builder = new Builder(this.device.context);
    const operands = new Array<MLOperand>(lowered.operands);
    for (const {name, operand, dataType, shape} of lowered.inputs) operands[operand] = builder.input(name, {dataType, shape});
    for (const {operand, dataType, shape, values} of lowered.constants) {
      if (values) operands[operand] = builder.constant({dataType, shape}, numbersAs(dataType, values));
    }
    await this.#addWeights(builder, lowered, operands, read);
    checkAborted(signal);
    for (const call of lowered.calls) {
      const named = Object.fromEntries(Object.entries(call.named).map(([name, operand]) => [name, operands[operand]]));
      const method = builder[call.op] as BuilderMethod;
      const results = [method.call(builder, ...call.operands.map((operand) => operands[operand]), ...call.arguments, {...call.options, ...named})].flat();
      call.results.forEach((operand, i) => { operands[operand] = results[i]!; });
    }
    const graph = await builder.build(Object.fromEntries(lowered.outputs.map(({name, operand}) => [name, operands[operand]!])));
    checkAborted(signal);
    return graph;
  }

  /** Weights are constants of each graph, and read again for each shape: WebNN's graphs cannot share them. */
  async #addWeights(builder: MLGraphBuilder, lowered: LoweredGraph, operands: MLOperand[], read: WeightReader): Promise<void> {
    const constants = new Map(lowered.constants.filter((constant) => constant.weight !== undefined).map((constant) => [constant.weight!, constant]));
    await read(constants.keys(), (id, parts) => {
      const {operand, dataType, shape} = constants.get(id)!;
      const size = byteLength({dataType, shape});
      const layout = dataType === 'float16' ? 'f16' : 'f32';
      const bytes = this.engine.packWeight(this.segment.graph, {index: id, layout, elements: size / bytesPerElement[dataType]!, size}, parts);
      operands[operand] = builder.constant({dataType, shape}, bytes.subarray(0, size));
    });
  }

  dispose(): void {}  // everything belongs to the executables
}

function weightsLength(lowered: LoweredGraph): number {
  return lowered.constants.reduce((sum, constant) => sum + (constant.weight === undefined ? 0 : byteLength(constant)), 0);
}

function numbersAs(dataType: string, values: number[]): ArrayBufferView {
  if (dataType === 'int32') return new Int32Array(values);
  if (dataType === 'float32') return new Float32Array(values);
  if (dataType === 'float16') return float16s(values);
  return fail('internal', `the lowered graph has constants of type ${dataType}`);
}

/** Float16Array where there is one; else its bits, which older WebNN versions take as Uint16Array. */
function float16s(values: number[]): ArrayBufferView {
  const Half = (globalThis as unknown as {Float16Array?: new (values: number[]) => ArrayBufferView}).Float16Array;
  return Half ? new Half(values) : fail('unsupported_precision', 'this browser has no Float16Array; use precision 32');
}

class WebnnExecutable implements Executable {
  private constructor(
    readonly device: WebnnDevice, readonly graph: MLGraph, readonly activationBytes: number,
    /** In the graph's order; null for an input that no call reads. */
    readonly inputs: (MLTensor | null)[], readonly outputs: MLTensor[],
    readonly inputsByName: Record<string, MLTensor>, readonly outputsByName: Record<string, MLTensor>,
    readonly onDispose: () => void) {}

  static async make(device: WebnnDevice, graph: MLGraph, lowered: LoweredGraph, segment: Segment, shape: ShapeClass,
    onDispose: () => void): Promise<WebnnExecutable> {
    const byName: [Record<string, MLTensor>, Record<string, MLTensor>] = [{}, {}];
    let bytes = 0;
    const make = async (value: MLOperandDescriptor & {name: string}, side: 0 | 1) => {
      const {dataType, shape: dims, name} = value;
      bytes += byteLength(value);
      const tensor = await device.context.createTensor({dataType, shape: dims, ...(side === 0 ? {writable: true} : {readable: true})});
      byName[side][name] = tensor;
      return tensor;
    };
    const inputs = [], outputs = [];
    for (const value of lowered.inputs) inputs.push(value.used ? await make(value, 0) : null);
    for (const [i, value] of lowered.outputs.entries()) {
      if (elementCount(segment.outputs[i]!.dims, shape) * 4 !== byteLength(value)) fail('internal', `the lowered output ${value.name} has another size than the graph's`);
      outputs.push(await make(value, 1));
    }
    return new WebnnExecutable(device, graph, bytes, inputs, outputs, byName[0], byName[1], onDispose);
  }

  async run(inputs: Uint8Array[]): Promise<Uint8Array[]> {
    this.device.check();
    const {context} = this.device;
    try {
      this.inputs.forEach((tensor, i) => { if (tensor) context.writeTensor(tensor, inputs[i]!); });
      context.dispatch(this.graph, this.inputsByName, this.outputsByName);
      return (await Promise.all(this.outputs.map((tensor) => context.readTensor(tensor)))).map((buffer) => new Uint8Array(buffer));
    } catch (error) {
      this.device.check();
      throw asError(error, 'internal');
    }
  }

  dispose(): void {
    for (const tensor of [...this.inputs, ...this.outputs]) tensor?.destroy();
    this.graph.destroy?.();
    this.onDispose();
  }
}
