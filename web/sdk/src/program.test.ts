// Threads whose workers start, start late, or never do.
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {startThreads, type Module} from './program';

/** Workers that never load, then such that do. */
function threads(deaf: number) {
  const made: {terminate: ReturnType<typeof vi.fn>}[] = [];
  const unusedWorkers: Worker[] = [];
  const PThread = {
    unusedWorkers,
    allocateUnusedWorker() {
      const worker = {terminate: vi.fn()};
      made.push(worker);
      unusedWorkers.push(worker as unknown as Worker);
      return worker as unknown as Worker;
    },
    loadWasmModuleToWorker: () => (made.length > deaf ? Promise.resolve() : new Promise(() => undefined)),
    terminateAllThreads: () => undefined,
  };
  return {made, unusedWorkers, module: {PThread} as unknown as Module};
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('every thread has a worker of its own', async () => {
  const {made, unusedWorkers, module} = threads(0);
  await startThreads(module, 3);
  expect(made.length).toBe(3);
  expect(unusedWorkers.length).toBe(3);
});

test('a worker that does not start is ended, forgotten and replaced', async () => {
  const {made, unusedWorkers, module} = threads(1);
  const started = startThreads(module, 1);
  await vi.advanceTimersByTimeAsync(3000);
  await started;
  expect(made.length).toBe(2);
  expect(made[0]!.terminate).toHaveBeenCalled();
  expect(made[1]!.terminate).not.toHaveBeenCalled();
  expect(unusedWorkers).toEqual([made[1]]);
});

test('a browser that starts none is told of', async () => {
  const {made, unusedWorkers, module} = threads(9);
  const started = expect(startThreads(module, 1)).rejects.toMatchObject({code: 'internal'});
  await vi.advanceTimersByTimeAsync(60000);
  await started;
  expect(made.length).toBe(3);
  expect(unusedWorkers).toEqual([]);
});
