// What a generated token costs the page's GPU port, on a real adapter (of the package webgpu): nothing is made, one
// submission, one read-back of a few bytes.
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {dispose, env, pipeline} from '../sdk/src/index';
import {programFolder} from '../sdk/src/testBorder';

env.folder = programFolder('single');

/** What the device was asked for, in order; reads with their bytes. */
const log: (string | {read: number})[] = [];

/** Notes every call of `name` on an object of the GPU, and lets `see` look at what comes back. */
function watch<T extends object>(target: T, name: keyof T & string, see?: (result: unknown) => void): void {
  const call = (target[name] as (...given: unknown[]) => unknown).bind(target);
  const watched = (...given: unknown[]) => {
    log.push(name);
    const result = call(...given);
    see?.(result);
    return result;
  };
  Object.defineProperty(target, name, {configurable: true, value: watched});
}

function watchDevice(device: GPUDevice): void {
  const readsOf = (buffer: unknown) =>
    watch(buffer as GPUBuffer, 'getMappedRange', (bytes) => log.push({read: (bytes as ArrayBuffer).byteLength}));
  watch(device, 'createBuffer', (buffer) => {
    watch(buffer as GPUBuffer, 'mapAsync');
    readsOf(buffer);
  });
  watch(device, 'createBindGroup');
  watch(device, 'createComputePipeline');
  watch(device, 'createComputePipelineAsync');
  watch(device, 'createShaderModule');
  const {queue} = device;
  watch(queue, 'submit');
  Object.defineProperty(device, 'queue', {value: queue}); // the watched one, whatever the getter would give
}

beforeAll(async () => {
  const name = 'webgpu';
  const {create, globals} = (await import(name)) as {create(options: string[]): GPU; globals: object};
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      watchDevice(device);
      return device;
    };
    return adapter;
  };
  Object.defineProperty(globalThis.navigator, 'gpu', {configurable: true, value: {requestAdapter}});
});
afterAll(async () => {
  await dispose();
  Reflect.deleteProperty(globalThis.navigator, 'gpu');
});

/** What was asked for after the tokens in which shapes are compiled. */
async function afterTwoTokens(prompts: string | string[], tokens: number): Promise<typeof log> {
  const model = join(import.meta.dirname, '../../zoo/numbers-gpt2');
  const write = await pipeline('text-generation', model, {
    device: 'webgpu',
    allow_fallback: false,
    threads: 1,
    cache: 'memory',
  });
  log.length = 0;
  await write(prompts, {max_new_tokens: tokens, stop_token_ids: [0]});
  const {platform, output} = write.last_result!;
  expect(platform).toBe('webgpu');
  for (const text of output) expect(text).toMatchObject({finish_reason: 'length'});
  for (const made of ['createBuffer', 'createBindGroup', 'createShaderModule']) expect(log).toContain(made);
  const second = log.flatMap((entry, at) => (typeof entry === 'object' ? [at] : []))[1]!;
  return log.slice(second + 1);
}

/** The least that is read: four numbers, of which a sequence has one. */
const each = ['submit', 'mapAsync', 'getMappedRange', {read: 16}];

test('a token makes nothing, submits once and reads a few bytes', async () => {
  expect(await afterTwoTokens('42 =', 14)).toEqual(Array(12).fill(each).flat());
}, 180_000);

test('so does a token of every sequence of a batch', async () => {
  expect(await afterTwoTokens(['42 =', '7352 =', '37 ='], 14)).toEqual(Array(12).fill(each).flat());
}, 180_000);
