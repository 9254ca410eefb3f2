// One lowered graph on one WebNN context: built from MLGraphBuilder calls, then run with tensors of its own.
import {fail} from './errors';
import type {
  BuilderMethod, LoweredGraph, MLContext, MLGraph, MLGraphBuilder, MLGraphBuilderConstructor, MLOperand, MLOperandDescriptor, MLTensor,
} from './webnnTypes';

const bytesPerElement: Record<string, number> = {float32: 4, int32: 4, float16: 2, uint8: 1};

export function elementsOf({shape}: MLOperandDescriptor): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function byteLength(descriptor: MLOperandDescriptor): number {
  return elementsOf(descriptor) * (bytesPerElement[descriptor.dataType] ?? 4);
}

export function newBuilder(context: MLContext): MLGraphBuilder {
  const Builder = (globalThis as unknown as {MLGraphBuilder: MLGraphBuilderConstructor}).MLGraphBuilder;
  return new Builder(context);
}

function numbersAs(dataType: string, values: number[]): ArrayBufferView {
  if (dataType === 'int32') return new Int32Array(values);
  if (dataType === 'float32') return new Float32Array(values);
  const Half = (globalThis as unknown as {Float16Array?: new (values: number[]) => ArrayBufferView}).Float16Array;
  return Half ? new Half(values) : fail('unsupported_precision', 'this browser has no Float16Array; use precision 32');
}

/** Makes the builder's calls; weights arrive one by one before finish(). */
export class GraphMaker {
  readonly #builder: MLGraphBuilder;
  readonly #operands: MLOperand[];

  constructor(readonly context: MLContext, readonly lowered: LoweredGraph) {
    this.#builder = newBuilder(context);
    this.#operands = new Array<MLOperand>(lowered.operands);
    for (const {name, operand, dataType, shape} of lowered.inputs) this.#operands[operand] = this.#builder.input(name, {dataType, shape});
    for (const {operand, dataType, shape, values} of lowered.constants) {
      if (values) this.#operands[operand] = this.#builder.constant({dataType, shape}, numbersAs(dataType, values));
    }
  }

  /** Weights by id, and how each is wanted. */
  get weights(): Map<number, MLOperandDescriptor & {operand: number}> {
    const constants = this.lowered.constants.filter((constant) => constant.weight !== undefined);
    return new Map(constants.map((constant) => [constant.weight!, constant]));
  }

  addWeight(operand: number, {dataType, shape}: MLOperandDescriptor, bytes: Uint8Array): void {
    this.#operands[operand] = this.#builder.constant({dataType, shape}, bytes);
  }

  finish(): Promise<MLGraph> {
    const operands = this.#operands;
    for (const call of this.lowered.calls) {
      const named = Object.fromEntries(Object.entries(call.named).map(([name, operand]) => [name, operands[operand]]));
      const method = this.#builder[call.op] as BuilderMethod;
      const parameters = [...call.operands.map((operand) => operands[operand]), ...call.arguments, {...call.options, ...named}];
      const results = [method.call(this.#builder, ...parameters)].flat();
      call.results.forEach((operand, i) => { operands[operand] = results[i]!; });
    }
    return this.#builder.build(Object.fromEntries(this.lowered.outputs.map(({name, operand}) => [name, operands[operand]!])));
  }
}

/** A built graph with the tensors it reads and writes. */
export class RunnableGraph {
  readonly bytes: number;
  private constructor(
      readonly context: MLContext, readonly graph: MLGraph, readonly lowered: LoweredGraph,
      readonly inputs: Record<string, MLTensor>, readonly outputs: Record<string, MLTensor>) {
    this.bytes = [...lowered.inputs, ...lowered.outputs].reduce((sum, value) => sum + byteLength(value), 0);
  }

  static async make(context: MLContext, graph: MLGraph, lowered: LoweredGraph): Promise<RunnableGraph> {
    const inputs: Record<string, MLTensor> = {}, outputs: Record<string, MLTensor> = {};
    for (const {name, dataType, shape, used} of lowered.inputs) {
      if (used) inputs[name] = await context.createTensor({dataType, shape, writable: true});
    }
    for (const {name, dataType, shape} of lowered.outputs) outputs[name] = await context.createTensor({dataType, shape, readable: true});
    return new RunnableGraph(context, graph, lowered, inputs, outputs);
  }

  /** inputs and the answer: in the graph's order. The dispatch is queued before the first await. */
  async run(inputs: Uint8Array[]): Promise<Uint8Array[]> {
    this.lowered.inputs.forEach(({name}, i) => {
      const tensor = this.inputs[name];
      if (tensor) this.context.writeTensor(tensor, inputs[i]!);
    });
    this.context.dispatch(this.graph, this.inputs, this.outputs);
    const buffers = await Promise.all(this.lowered.outputs.map(({name}) => this.context.readTensor(this.outputs[name]!)));
    return buffers.map((buffer) => new Uint8Array(buffer));
  }

  dispose(): void {
    for (const tensor of [...Object.values(this.inputs), ...Object.values(this.outputs)]) tensor.destroy();
    this.graph.destroy?.();
  }
}
