import {expect, test} from 'vitest';
import {Tensor} from './tensor';

test('a tensor nests as its dims say', () => {
  expect(new Tensor(Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]).tolist()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});
