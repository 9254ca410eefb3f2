// Webnn: navigator.ml builds and dispatches the graphs that the engine lowered (docs/webnn.md).
import type {PortRequest, Ports} from '../border';
import {asError, fail} from '../errors';
import type {
  BuilderMethod,
  LoweredGraph,
  ML,
  MLContext,
  MLGraph,
  MLGraphBuilder,
  MLGraphBuilderConstructor,
  MLOperand,
  MLTensor,
} from './webnnTypes';

interface OpenContext {
  context: MLContext;
  lost: string | undefined;
}
interface BuiltGraph {
  open: OpenContext;
  graph: MLGraph;
  lowered: LoweredGraph;
  inputs: Record<string, MLTensor>;
  outputs: Record<string, MLTensor>;
}

async function createContext(): Promise<MLContext> {
  const ml = (globalThis.navigator as {ml?: ML} | undefined)?.ml;
  if (!ml) fail('no_adapter', 'this browser has no WebNN (navigator.ml); use platform webgpu, cpu or auto');
  try {
    return await ml.createContext({});
  } catch (error) {
    return fail('no_adapter', `this browser gives no WebNN context: ${asError(error).message}`, error);
  }
}

function numbersAs(dataType: string, values: number[]): ArrayBufferView {
  if (dataType === 'int32') return new Int32Array(values);
  if (dataType === 'float32') return new Float32Array(values);
  const Half = (globalThis as unknown as {Float16Array?: new (values: number[]) => ArrayBufferView}).Float16Array;
  return Half ? new Half(values) : fail('unsupported_precision', 'this browser has no Float16Array; use precision 32');
}

/** Makes the builder's calls, in order. */
function buildGraph(context: MLContext, lowered: LoweredGraph, weights: Uint8Array[]): Promise<MLGraph> {
  const Builder = (globalThis as unknown as {MLGraphBuilder: MLGraphBuilderConstructor}).MLGraphBuilder;
  const builder: MLGraphBuilder = new Builder(context);
  const operands = new Array<MLOperand>(lowered.operands);
  let nextWeight = 0;
  for (const {name, operand, dataType, shape} of lowered.inputs)
    operands[operand] = builder.input(name, {dataType, shape});
  for (const {operand, dataType, shape, values} of lowered.constants) {
    operands[operand] = builder.constant(
      {dataType, shape},
      values ? numbersAs(dataType, values) : weights[nextWeight++]!,
    );
  }
  for (const call of lowered.calls) {
    const named = Object.fromEntries(Object.entries(call.named).map(([name, operand]) => [name, operands[operand]]));
    const method = builder[call.op] as BuilderMethod;
    const parameters = [
      ...call.operands.map((operand) => operands[operand]),
      ...call.arguments,
      {...call.options, ...named},
    ];
    const results = [method.call(builder, ...parameters)].flat();
    call.results.forEach((operand, i) => {
      operands[operand] = results[i]!;
    });
  }
  return builder.build(Object.fromEntries(lowered.outputs.map(({name, operand}) => [name, operands[operand]!])));
}

async function makeGraph(open: OpenContext, lowered: LoweredGraph, weights: Uint8Array[]): Promise<BuiltGraph> {
  const {context} = open;
  const built: BuiltGraph = {
    open,
    lowered,
    graph: await buildGraph(context, lowered, weights),
    inputs: {},
    outputs: {},
  };
  for (const {name, dataType, shape, used} of lowered.inputs) {
    if (used) built.inputs[name] = await context.createTensor({dataType, shape, writable: true});
  }
  for (const {name, dataType, shape} of lowered.outputs)
    built.outputs[name] = await context.createTensor({dataType, shape, readable: true});
  return built;
}

async function dispatch(
  {open: {context}, graph, lowered, inputs, outputs}: BuiltGraph,
  request: PortRequest,
): Promise<void> {
  lowered.inputs.forEach(({name}, i) => {
    const tensor = inputs[name];
    if (tensor) context.writeTensor(tensor, request.copy(i));
  });
  context.dispatch(graph, inputs, outputs);
  const buffers = await Promise.all(lowered.outputs.map(({name}) => context.readTensor(outputs[name]!)));
  buffers.forEach((buffer, i) => request.bytes(request.numbers[1]! + i).set(new Uint8Array(buffer)));
}

/** Errors by code: a context that went away explains whatever else is said. */
async function guarded<T>(open: OpenContext, code: 'unsupported_op' | 'internal', work: () => Promise<T>): Promise<T> {
  const check = () => {
    if (open.lost !== undefined) fail('device_lost', open.lost); // the engine says what was lost, and what to do
  };
  check();
  try {
    return await work();
  } catch (error) {
    check();
    throw asError(error, /memory/i.test(String(error)) ? 'out_of_memory' : code);
  }
}

export function webnnPort(): Ports {
  const contexts = new Map<number, OpenContext>();
  const constants = new Map<number, Uint8Array>();
  const graphs = new Map<number, BuiltGraph>();
  let last = 0;
  let closed = false;
  const find = <T>(table: Map<number, T>, number: number, what: string): T =>
    table.get(number) ?? fail('internal', `no WebNN ${what} ${number}`);
  return {
    requests: {
      webnn_open: async () => {
        const context = await createContext();
        if (closed) {
          context.destroy();
          fail('cancelled', 'this engine was closed');
        }
        const number = (last += 1);
        const open: OpenContext = {context, lost: undefined};
        void context.lost.then(({message}) => (open.lost = message || 'no reason given'));
        contexts.set(number, open);
        return {
          numbers: [number, ...(context.accelerated === undefined ? [] : [Number(context.accelerated)])],
          text: JSON.stringify(context.opSupportLimits()),
        };
      },
      webnn_constant: async (request) => {
        constants.set((last += 1), request.copy(0));
        return {numbers: [last]};
      },
      webnn_build: async ({numbers: [context, ...weights], text}) => {
        const open = find(contexts, context!, 'context');
        const number = (last += 1);
        const bytes = weights.map((id) => find(constants, id, 'constant'));
        const make = () => makeGraph(open, JSON.parse(text) as LoweredGraph, bytes);
        graphs.set(number, await guarded(open, 'unsupported_op', make));
        return {numbers: [number]};
      },
      webnn_dispatch: async (request) => {
        const built = find(graphs, request.numbers[0]!, 'graph');
        await guarded(built.open, 'internal', () => dispatch(built, request));
      },
    },
    notices: {
      webnn_drop_context: (number) => {
        contexts.get(number)?.context.destroy();
        contexts.delete(number);
      },
      webnn_drop_constant: (number) => void constants.delete(number),
      webnn_drop_graph: (number) => {
        const built = graphs.get(number);
        graphs.delete(number);
        for (const tensor of Object.values({...built?.inputs, ...built?.outputs})) tensor.destroy();
        built?.graph.destroy?.();
      },
    },
    close() {
      closed = true;
      for (const {context} of contexts.values()) context.destroy();
      contexts.clear();
    },
  };
}
