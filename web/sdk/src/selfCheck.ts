// The start-up self-check: a tiny encoder on the GPU against the CPU; features that compute wrong numbers are switched off.
import type {Program, Segment, ShapeClass, WeightReader} from './backend';
import {CpuProgram} from './cpu';
import {asError, fail} from './errors';
import type {Capabilities, GpuDevice} from './gpuDevice';
import type {Native} from './wasm';
import {GpuProgram} from './webgpu';

interface CheckCase extends Segment {
  words: number;
  weight_shapes: number[][];
}

const shape: ShapeClass = {batch: 2, sequence: 40, rows: 3};
const maskedTokens = 9;
/** Largest difference allowed, by precision. */
const tolerance: Record<number, number> = {32: 2e-4, 16: 2e-2};

/** Repeatable numbers in (-1, 1), scaled. */
function numbers(count: number, scale: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({length: count}, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 8) / 8388608 - 1) * scale;
  });
}

function caseReader(check: CheckCase): WeightReader {
  return async (ids, take) => {
    for (const id of ids) {
      const dims = check.weight_shapes[id]!;
      const count = dims.reduce((product, dim) => product * dim, 1);
      const values = numbers(count, dims.length === 1 ? 1 : 1.5 / Math.sqrt(dims[1]!), id + 1);
      await take(id, [{dtype: 'F32', shape: dims, bytes: new Uint8Array(values.buffer)}]);
    }
  };
}

function caseInputs(check: CheckCase): Uint8Array[] {
  const tokens = shape.batch * shape.sequence;
  const values: Record<string, Int32Array> = {
    input_ids: Int32Array.from({length: tokens}, (_, i) => (i * 7) % check.words),
    attention_mask: Int32Array.from({length: tokens}, (_, i) => (i < tokens - maskedTokens ? 1 : 0)),
    rows: Int32Array.from({length: shape.rows}, (_, i) => (i * 29) % tokens),
  };
  return check.inputs.map(({name}) => new Uint8Array(values[name]!.buffer));
}

async function runCase(program: Program, check: CheckCase): Promise<Float32Array[]> {
  try {
    const executable = await program.compile(shape, caseReader(check));
    const outputs = await executable.run(caseInputs(check));
    executable.dispose();
    return outputs.map((bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
  } finally {
    program.dispose();
  }
}

function worstDifference(expected: Float32Array[], got: Float32Array[]): number {
  let worst = 0;
  expected.forEach((values, o) => values.forEach((value, i) => {
    const difference = Math.abs(value - got[o]![i]!);
    if (!(difference <= worst)) worst = difference; // a NaN stays
  }));
  return worst;
}

/** Switches features off by name (GpuDevice.switchedOff says why) until the numbers are right; self_check_failed otherwise. */
export async function selfCheck(native: Native, gpu: GpuDevice): Promise<void> {
  const check = native.call<CheckCase>('ia_check_case', []);
  check.platform = 'webgpu';
  try {
    const expected = await runCase(new CpuProgram(native, check, {precision: 32, threads: 1}), check);
    const complaint = async (capabilities: Capabilities, precision: number): Promise<string> => {
      gpu.capabilities = capabilities;
      try {
        const worst = worstDifference(expected, await runCase(new GpuProgram(native, gpu, check, precision), check));
        return worst <= tolerance[precision]! ? '' : `differs from the CPU by ${worst.toExponential(2)}, allowed ${tolerance[precision]}`;
      } catch (error) {
        gpu.checkAlive();
        return asError(error).message;
      }
    };
    const all = gpu.capabilities;
    const without: Capabilities = {...all, subgroups: false};
    let use = all;
    // Everything at once first: on a sound device that is all there is to do.
    const why = await complaint(all, 32);
    if (why !== '') {
      const plain = await complaint({...without, shader_f16: false}, 32);
      if (plain !== '') fail('self_check_failed', `${gpu.name} computes wrong numbers: ${plain}`);
      gpu.switchedOff.push(`subgroups: ${why}`);
      use = without;
    }
    const halfWhy = use.shader_f16 ? await complaint(use, 16) : '';
    if (halfWhy !== '') {
      gpu.switchedOff.push(`shader-f16: ${halfWhy}`);
      use = {...use, shader_f16: false};
    }
    gpu.capabilities = use;
  } finally {
    native.raw('ia_graph_free', check.graph);
  }
}
