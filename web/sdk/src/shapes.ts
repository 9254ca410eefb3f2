// Shape buckets: batches are padded to a few sizes, so that a device compiles a few plans instead of one per text.
import type {ShapeClass} from './backend';

/** One input tensor of a batch. All are i32. */
export interface BatchTensor {
  name: string;
  values: Int32Array;
}

/** 1, 2, 3, 4, 6, 8, 12, 16, 24 ...: at most a third is padding. */
function countBucket(count: number): number {
  let power = 1;
  while (power < count) power *= 2;
  const threeQuarters = (power / 4) * 3;
  return power >= 4 && threeQuarters >= count ? threeQuarters : power;
}

/** The size a batch is padded to. */
export function shapeBucket(shape: ShapeClass, maxTokens: number): ShapeClass {
  const step = shape.sequence <= 64 ? 8 : shape.sequence <= 256 ? 16 : 64;
  const limit = Math.max(maxTokens, shape.sequence);
  return {
    batch: countBucket(shape.batch),
    sequence: Math.min(Math.ceil(shape.sequence / step) * step, limit),
    rows: countBucket(shape.rows),
  };
}

/** Pads a batch's tensor. Added rows repeat nothing: they are padding tokens, of which a mask leaves one visible. */
export function padTensor(tensor: BatchTensor, from: ShapeClass, to: ShapeClass, padId: number, positionsAfterPad: boolean): Int32Array {
  if (tensor.name === 'rows') {
    const rows = new Int32Array(to.rows);
    tensor.values.forEach((row, i) => { rows[i] = Math.floor(row / from.sequence) * to.sequence + (row % from.sequence); });
    return rows;
  }
  const wantsPadId = tensor.name === 'input_ids' || (tensor.name === 'position_ids' && positionsAfterPad);
  const padded = new Int32Array(to.batch * to.sequence).fill(wantsPadId ? padId : 0);
  for (let item = 0; item < from.batch; item += 1) {
    padded.set(tensor.values.subarray(item * from.sequence, (item + 1) * from.sequence), item * to.sequence);
  }
  if (tensor.name === 'attention_mask') for (let item = from.batch; item < to.batch; item += 1) padded[item * to.sequence] = 1;
  return padded;
}

/** Cuts an output [..dims] of a padded run back to the real sizes. */
export function cropOutput(values: Float32Array, padded: number[], real: number[]): Float32Array {
  if (padded.every((size, i) => size === real[i])) return values;
  const count = real.reduce((product, size) => product * size, 1);
  const run = real.at(-1) ?? 1;
  const cropped = new Float32Array(count);
  for (let line = 0; line < count / run; line += 1) {
    let rest = line;
    let source = 0;
    let stride = padded.at(-1) ?? 1;
    for (let d = real.length - 2; d >= 0; d -= 1) {
      source += (rest % real[d]!) * stride;
      rest = Math.floor(rest / real[d]!);
      stride *= padded[d]!;
    }
    cropped.set(values.subarray(source, source + run), line * run);
  }
  return cropped;
}
