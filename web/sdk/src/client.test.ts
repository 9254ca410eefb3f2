// The two clients behave alike: what cannot be said, and a listener that throws.
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {openClient, type Client} from './client';
import type {EngineRequest} from './engine';
import type {FromWorker, ToWorker} from './messages';
import {modelRequest} from './runtime';
import {codeOf, programFolder} from './testBorder';

let node = true;
vi.mock('./features', async (original) => ({...(await original<object>()), isNode: () => node}));

/** The worker's side of the messages, by hand. */
class ScriptedWorker extends EventTarget {
  static last: ScriptedWorker;
  readonly posted: ToWorker[] = [];
  constructor() {
    super();
    ScriptedWorker.last = this;
  }
  postMessage(message: ToWorker): void {
    this.posted.push(structuredClone(message));
  }
  say(data: FromWorker): void {
    this.dispatchEvent(new MessageEvent('message', {data}));
  }
  terminate(): void {}
}

const clients: Record<string, Client> = {};
beforeAll(() => {
  vi.stubGlobal('Worker', ScriptedWorker);
  node = false;
  clients.worker = openClient(true, 'https://here.test/');
  node = true;
  clients.local = openClient(false, programFolder('single'));
});
afterAll(() => {
  clients.local!.close();
  vi.unstubAllGlobals();
});

const request: EngineRequest = modelRequest(join(import.meta.dirname, '../../../zoo/numbers-bert'), {
  platform: 'cpu',
  threads: 1,
  cache: 'memory',
});
const event = {status: 'initiate', name: 'x', file: 'y', source: 'disk'} as const;

describe.each(['worker', 'local'])('the %s client', (which) => {
  test('an input that JSON cannot say: invalid_argument', async () => {
    const ring: unknown[] = [];
    ring.push(ring);
    for (const inputs of [ring, [1n]])
      expect(await codeOf(clients[which]!.call('run', {...request, inputs} as EngineRequest))).toBe('invalid_argument');
  });

  test('bytes go beside the call, which names them by number', async () => {
    const pixels = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4);
    const inputs = [{image: Buffer.from([7])}, {image: {width: 1, height: 1, pixels}}];
    const asked = clients[which]!.call('run', {...request, inputs});
    if (which === 'local') {
      await expect(asked).rejects.toThrow('feature-extraction takes text, pair; input 0 is an image');
      return;
    }
    const call = ScriptedWorker.last.posted.findLast(({kind}) => kind === 'call') as ToWorker & {kind: 'call'};
    expect(call.request.inputs).toEqual([{image: 0}, {image: {width: 1, height: 1, pixels: 1}}]);
    expect(call.blobs.map((bytes) => [...bytes])).toEqual([[7], [1, 2, 3]]);
    ScriptedWorker.last.say({kind: 'answer', id: call.id, value: null});
    await asked;
  });

  test('a listener that throws ends its call with that error', async () => {
    const broken = () => {
      throw new Error('the listener broke');
    };
    const failed = clients[which]!.call('run', {...request, inputs: ['42']}, {progress: broken});
    const expected = expect(failed).rejects.toMatchObject({code: 'internal', message: 'the listener broke'});
    if (which === 'worker') {
      const id = (ScriptedWorker.last.posted.at(-1) as {id: number}).id;
      const memory = new SharedArrayBuffer(16);
      ScriptedWorker.last.say({kind: 'started', id, memory, address: 8});
      ScriptedWorker.last.say({kind: 'progress', id, event});
      ScriptedWorker.last.say({kind: 'progress', id, event}); // was under way
      expect(new Int32Array(memory)[2]).toBe(1);
      expect(ScriptedWorker.last.posted.at(-1)).toEqual({kind: 'abort', id});
      ScriptedWorker.last.say({kind: 'error', id, code: 'cancelled', message: 'the caller asked to stop'});
      expect(ScriptedWorker.last.posted.at(-1)).toEqual({kind: 'settled', id});
    }
    await expected;
  }, 60_000);
});

test('what JSON leaves out is left out on the way to the worker, as it is here', async () => {
  const inputs = [() => '42', '7'] as unknown as string[];
  const answer = clients.worker!.call('run', {...request, inputs});
  const call = ScriptedWorker.last.posted.at(-1) as ToWorker & {kind: 'call'};
  expect(call.request.inputs).toEqual([null, '7']);
  ScriptedWorker.last.say({kind: 'error', id: call.id, code: 'invalid_argument', message: 'input 0 is no text'});
  expect(await codeOf(answer)).toBe('invalid_argument');
  expect(await codeOf(clients.local!.call('run', {...request, inputs}))).toBe('invalid_argument');
});

test('a worker that blocks while a thread starts ends its calls, and the next one has a new worker', async () => {
  vi.useFakeTimers();
  node = false;
  const client = openClient(true, 'https://here.test/');
  const outcome = codeOf(client.call('run', request));
  const first = ScriptedWorker.last;
  const ended = vi.spyOn(first, 'terminate');
  first.say({kind: 'starting', threads: 2});
  await vi.advanceTimersByTimeAsync(9000);
  first.say({kind: 'starting', threads: 1}); // one did start
  await vi.advanceTimersByTimeAsync(9000);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1000);
  expect(ended).toHaveBeenCalled();
  expect(await outcome).toBe('internal');
  void codeOf(client.call('run', request));
  expect(ScriptedWorker.last).not.toBe(first);
  ScriptedWorker.last.say({kind: 'starting', threads: 1});
  ScriptedWorker.last.say({kind: 'starting', threads: 0});
  await vi.advanceTimersByTimeAsync(60000); // computing takes as long as it takes
  expect(ScriptedWorker.last.posted.length).toBe(2);
  client.close();
  node = true;
  vi.useRealTimers();
});
