import {expect, test} from 'vitest';
import {cropOutput, padTensor, shapeBucket} from './shapes';

test('buckets hold the shape, waste at most a third, and end at the model\'s length', () => {
  for (let batch = 1; batch < 100; batch += 1) {
    for (const sequence of [1, 7, 64, 65, 200, 257, 500]) {
      const bucket = shapeBucket({batch, sequence, rows: 1}, 512);
      expect(bucket.batch).toBeGreaterThanOrEqual(batch);
      expect(bucket.batch * 2).toBeLessThanOrEqual(batch * 3 + 1);
      expect(bucket.sequence).toBeGreaterThanOrEqual(sequence);
      expect(bucket.sequence).toBeLessThanOrEqual(512);
    }
  }
  expect(shapeBucket({batch: 1, sequence: 33, rows: 1}, 36).sequence).toBe(36);
});

test('padding keeps each text at the start of its row and leaves one token visible in added rows', () => {
  const from = {batch: 2, sequence: 2, rows: 1};
  const to = {batch: 3, sequence: 3, rows: 2};
  const pad = (name: string, values: number[]) => [...padTensor({name, values: Int32Array.from(values)}, from, to, 9, true)];
  expect(pad('input_ids', [1, 2, 3, 4])).toEqual([1, 2, 9, 3, 4, 9, 9, 9, 9]);
  expect(pad('position_ids', [10, 11, 10, 11])).toEqual([10, 11, 9, 10, 11, 9, 9, 9, 9]);
  expect(pad('attention_mask', [1, 1, 1, 0])).toEqual([1, 1, 0, 1, 0, 0, 1, 0, 0]);
  expect(pad('token_type_ids', [0, 1, 0, 1])).toEqual([0, 1, 0, 0, 1, 0, 0, 0, 0]);
  expect(pad('rows', [3])).toEqual([4, 0]); // second text, second token
});

test('cropping undoes padding in every dimension', () => {
  const padded = Float32Array.from({length: 2 * 3 * 2}, (_, i) => i);
  expect([...cropOutput(padded, [2, 3, 2], [1, 2, 2])]).toEqual([0, 1, 2, 3]);
  expect([...cropOutput(padded, [2, 3, 2], [2, 2, 2])]).toEqual([0, 1, 2, 3, 6, 7, 8, 9]);
  expect(cropOutput(padded, [2, 3, 2], [2, 3, 2])).toBe(padded);
});
