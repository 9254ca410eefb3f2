// Conformance in the page: every case that page_cases wrote, run through the SDK's own executor and compared with the reference.
import {WebnnDevice, type WebnnEngine} from '../sdk/src/webnn';
import type {Dim, Segment, WeightReader} from '../sdk/src/backend';
// @ts-expect-error plain JavaScript
import {report} from './report.js';

type Piece = [offset: number, length: number];
interface Case {
  op: string;
  name: string;
  tolerance: number;
  declined?: string;
  shape: {batch: number; sequence: number; rows: number};
  /** By batch size. */
  plans: Record<string, object>;
  weights: Record<string, Piece>;
  inputs: {dims: Dim[]; bytes: Piece}[];
  outputs: {name: string; dims: Dim[]; expected: Piece}[];
}

const query = new URL(location.href).searchParams;
const precision = Number(query.get('precision') ?? 32);

/** Stands where the WebAssembly engine is in the SDK: hands over what the native one wrote down. */
function recordedEngine(plans: Case['plans']): WebnnEngine {
  let plan: object | undefined;
  return {
    call: (_name, _numbers, request) => {
      plan = plans[(JSON.parse(request!) as {batch: number}).batch];
      return {} as never;
    },
    takeText: () => JSON.stringify(plan),
    packWeight: (_graph, {layout}, parts) => {
      const bytes = new Uint8Array(parts[0]!.bytes);
      if (layout !== 'f16') return bytes;
      const Half = (globalThis as unknown as {Float16Array: new (values: Float32Array) => {buffer: ArrayBuffer}}).Float16Array;
      return new Uint8Array(new Half(new Float32Array(bytes.buffer)).buffer);
    },
  };
}

function worstError(actual: Float32Array, expected: Float32Array): number {
  let worst = 0;
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(actual[i]! - value) / (1 + Math.abs(value));
    if (!(error <= worst)) worst = error;  // NaN stays
  }
  return worst;
}

/** Cases whose batch was computed in two halves, on two contexts. */
let split = 0;

async function run(device: WebnnDevice, c: Case, blob: ArrayBuffer): Promise<number> {
  const piece = ([offset, length]: Piece) => new Uint8Array(blob.slice(offset, offset + length));
  const segment: Segment = {
    platform: 'webnn', reason: '', graph: 0, nodes: 0, weights: [],
    inputs: c.inputs.map(({dims}, i) => ({name: String(i), dtype: 'I32' as const, dims})),
    outputs: c.outputs.map(({name, dims}) => ({name, dtype: 'F32' as const, dims})),
  };
  const read: WeightReader = async (ids, take) => {
    for (const id of ids) await take(id, [{dtype: 'F32', shape: [], bytes: piece(c.weights[id]!)}]);
  };
  const program = device.load(recordedEngine(c.plans), segment, precision);
  let worst = 0;
  const executable = await program.compile(c.shape, read);
  for (let again = 0; again < 2; again++) {  // nothing may depend on what tensors held before
    const results = await executable.run(c.inputs.map(({bytes}) => piece(bytes)));
    results.forEach((bytes, i) => {
      const error = worstError(new Float32Array(bytes.buffer), new Float32Array(piece(c.outputs[i]!.expected).buffer));
      if (!(error <= worst)) worst = error;
    });
  }
  executable.dispose();
  program.dispose();
  if (c.shape.batch > 1 && program.optimizations.some((text) => text.includes('contexts'))) split += 1;
  return worst;
}

report(async () => {
  const folder = query.get('cases')!;
  const cases = (await (await fetch(`${folder}/cases.json`)).json()) as Case[];
  const blob = await (await fetch(`${folder}/cases.bin`)).arrayBuffer();
  const device = await WebnnDevice.open('cpu');
  const other = await WebnnDevice.open('cpu');
  device.lanes = async () => [device.context, other.context];  // not measured here: both ways must be right
  const results = [];
  for (const c of cases) {
    const result = {op: c.op, name: c.name, tolerance: c.tolerance, declined: c.declined ?? '', error: -1, failure: ''};
    if (!c.declined) {
      try {
        result.error = await run(device, c, blob);
      } catch (error) {
        result.failure = String(error);
      }
    }
    results.push(result);
  }
  device.close();
  other.close();
  return {results, split};
});
