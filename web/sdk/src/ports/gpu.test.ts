// The GPU port on a real adapter (of the package webgpu) whose device goes away: what was made on it stays lost.
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {PortRequest, type PortAnswer} from '../border';
import {Engine} from '../engine';
import {modelRequest} from '../runtime';
import {codeOf, programFolder} from '../testBorder';
import {gpuPort} from './gpu';

const devices: GPUDevice[] = [];
/** Called before a device encodes commands. */
let beforeEncoding: (device: GPUDevice) => void = () => undefined;

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
      const encoder = device.createCommandEncoder.bind(device);
      device.createCommandEncoder = (given) => {
        beforeEncoding(device);
        return encoder(given);
      };
      devices.push(device);
      return device;
    };
    return adapter;
  };
  Object.defineProperty(globalThis.navigator, 'gpu', {configurable: true, value: {requestAdapter}});
});
afterAll(() => Reflect.deleteProperty(globalThis.navigator, 'gpu'));

/** The open device goes away, and the port has heard of it. */
async function lose(): Promise<void> {
  const device = devices.at(-1)!;
  device.destroy();
  await device.lost;
}

const wgsl = `
  @group(0) @binding(0) var<storage, read> w: array<f32>;
  @group(0) @binding(1) var<storage, read_write> y: array<f32>;
  @compute @workgroup_size(16) fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = w[id.x]; }`;
/** y = w, for a weight of 16 numbers: the smallest model there is. */
const copying = JSON.stringify({
  version: 1,
  buffers: [
    {kind: 'weight', bytes: 64},
    {kind: 'output', bytes: 64, index: 0},
  ],
  pipelines: [{label: 'copy', wgsl, bindings: ['read-only-storage', 'storage']}],
  dispatches: [
    {
      pipeline: 0,
      label: 'copy',
      workgroups: [1, 1, 1],
      bindings: [
        [0, 0, 64],
        [1, 0, 64],
      ],
    },
  ],
  readback_bytes: 64,
});

describe('the port', () => {
  const port = gpuPort();
  const ask = async (name: string, numbers: number[] = [], text = '', room = new Float32Array(16)): Promise<number> => {
    const memory = new WebAssembly.Memory({initial: 1});
    const span = new Float32Array(memory.buffer, 64, 16);
    span.set(room);
    const request = new PortRequest(memory, numbers, text, [{pointer: 64, size: 64}], new AbortController().signal);
    const answer = (await port.requests[name]!(request)) as PortAnswer | undefined;
    return name === 'gpu_submit' ? span[15]! : answer!.numbers![0]!;
  };
  const open = () => ask('gpu_open', [], JSON.stringify({limits: [], features: []}));
  const plan = (weight: number) => ask('gpu_plan', [weight], copying);
  const run = (number: number) => ask('gpu_submit', [number, 0]);
  const load = async (value: number) => {
    const weight = await ask('gpu_buffer', [64], '', new Float32Array(16).fill(value));
    return {weight, plan: await plan(weight)};
  };

  test('numbers of a lost device never name what another model made', async () => {
    const first = await open();
    const old = [await load(1), await load(2)];
    expect(await run(old[1]!.plan)).toBe(2);
    await lose();
    expect(await codeOf(run(old[0]!.plan))).toBe('device_lost');
    expect(await codeOf(load(3))).toBe('device_lost');
    expect(await open()).not.toBe(first);
    const [three, four] = [await load(3), await load(4)];
    for (const model of old) {
      expect(await codeOf(run(model.plan))).toBe('device_lost');
      expect(await codeOf(plan(model.weight))).toBe('device_lost');
      port.notices.gpu_drop_plan!(model.plan);
      port.notices.gpu_drop_buffer!(model.weight);
    }
    expect([await run(three.plan), await run(four.plan)]).toEqual([3, 4]);
    expect(await run(await plan(three.weight))).toBe(3);
  }, 120_000);

  test('runs of a plan follow each other in its buffers: none is made for a run', async () => {
    await open();
    const {plan} = await load(5);
    const made = vi.spyOn(devices.at(-1)!, 'createBuffer');
    expect([await run(plan), await run(plan)]).toEqual([5, 5]);
    expect(made).not.toHaveBeenCalled();
    made.mockRestore();
  }, 120_000);

  test('what a plan owns goes with it, and its weights stay', async () => {
    await open();
    const made = vi.spyOn(devices.at(-1)!, 'createBuffer');
    const one = await load(6);
    const gone = made.mock.results.map(({value}) => vi.spyOn(value as GPUBuffer, 'destroy'));
    port.notices.gpu_drop_plan!(one.plan);
    expect(gone.map((destroy) => destroy.mock.calls.length)).toEqual([0, 1, 1]); // weight, output, read-back
    made.mockRestore();
  }, 120_000);

  test('two callers open one device', async () => {
    await lose();
    const count = devices.length;
    const [one, two] = await Promise.all([open(), open()]);
    expect([two, devices.length]).toEqual([one, count + 1]);
  }, 120_000);
});

describe('the engine', () => {
  const zoo = join(import.meta.dirname, '../../../../zoo');
  const engine = new Engine({folder: programFolder('single'), threads: 1});
  const run = async (model: string) => {
    const request = modelRequest(join(zoo, model), {platform: 'webgpu', allow_fallback: false, cache: 'memory'});
    const {output, platform} = await engine.call('run', {...request, inputs: ['forty two']});
    expect(platform).toBe('webgpu');
    return output;
  };

  test('loads two models again when their device went away under one of them', async () => {
    const [bert, classifier] = [await run('numbers-bert'), await run('numbers-bert-classifier')];
    beforeEncoding = (device) => device.destroy();
    expect(await codeOf(run('numbers-bert'))).toBe('device_lost');
    beforeEncoding = () => undefined;
    expect(await run('numbers-bert-classifier')).toEqual(classifier);
    expect(await run('numbers-bert')).toEqual(bert);
  }, 300_000);
});
