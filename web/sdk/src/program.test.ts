// What is told while threads start.
import {expect, test} from 'vitest';
import {starting, startThreads, type Module} from './program';

async function told(load: (nth: number) => Promise<void>): Promise<number[]> {
  const numbers: number[] = [];
  starting.tell = (threads) => void numbers.push(threads);
  let nth = 0;
  const PThread = {allocateUnusedWorker: () => undefined, loadWasmModuleToWorker: () => load(nth++)};
  await startThreads({PThread} as unknown as Module, 3).catch((error: unknown) => expect(error).toBe('no script'));
  return numbers;
}

test('each thread that starts counts down', async () => {
  expect(await told(() => Promise.resolve())).toEqual([3, 2, 1, 0, 0]);
});

test('one that cannot be loaded: nobody is waited for any more', async () => {
  const numbers = await told((nth) => (nth === 0 ? Promise.reject('no script') : Promise.resolve()));
  expect(numbers.at(0)).toBe(3);
  expect(numbers.at(-1)).toBe(0);
});
