// One conformance case, as page_cases wrote it, on any platform of the SDK: through its own executor, against the reference.
import type {Program, Segment, ShapeClass, WeightReader} from '../sdk/src/backend';
import type {Native} from '../sdk/src/wasm';

type Piece = [offset: number, length: number];

export interface ConformanceCase {
  op: string;
  name: string;
  /** Largest |difference| / (1 + |expected|) in f32. */
  tolerance: number;
  shape: ShapeClass;
  /** The form that ia_graph reads. */
  graph: object;
  weights: Record<string, {dtype: string; shape: number[]; bytes: Piece}[]>;
  inputs: Piece[];
  outputs: Piece[];
}

export interface CaseResult {
  op: string;
  name: string;
  tolerance: number;
  /** Of two runs; -1 when it did not run. */
  error: number;
  failure: string;
  optimizations: string[];
}

export function openGraph(native: Native, c: ConformanceCase): Segment {
  const graph = native.call<Segment>('ia_graph', [], JSON.stringify(c.graph));
  return {...graph, platform: 'cpu', reason: ''};
}

function worstError(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return NaN;
  let worst = 0;
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(actual[i]! - value) / (1 + Math.abs(value));
    if (!(error <= worst)) worst = error; // NaN stays
  }
  return worst;
}

async function compute(program: Program, c: ConformanceCase, piece: (at: Piece) => Uint8Array<ArrayBuffer>): Promise<number> {
  const read: WeightReader = async (ids, take) => {
    for (const id of ids) await take(id, c.weights[id]!.map((part) => ({...part, bytes: piece(part.bytes)})));
  };
  const executable = await program.compile(c.shape, read);
  try {
    let worst = 0;
    for (let again = 0; again < 2; again++) { // nothing may depend on what memory held before
      const results = await executable.run(c.inputs.map(piece));
      for (const [i, bytes] of results.entries()) {
        const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
        const error = worstError(values, new Float32Array(piece(c.outputs[i]!).buffer));
        if (!(error <= worst)) worst = error;
      }
    }
    return worst;
  } finally {
    executable.dispose();
  }
}

/** `blob`: the bytes that the case's pieces point into. `load`: the platform's program for the case's graph. */
export async function runCase(native: Native, c: ConformanceCase, blob: ArrayBuffer, load: (segment: Segment) => Program): Promise<CaseResult> {
  const piece = ([offset, length]: Piece) => new Uint8Array(blob.slice(offset, offset + length));
  const result: CaseResult = {op: c.op, name: c.name, tolerance: c.tolerance, error: -1, failure: '', optimizations: []};
  try {
    const segment = openGraph(native, c);
    const program = load(segment);
    try {
      result.error = await compute(program, c, piece);
      result.optimizations = program.optimizations;
    } finally {
      program.dispose();
      native.raw('ia_graph_free', segment.graph);
    }
  } catch (error) {
    result.failure = String(error);
  }
  return result;
}
