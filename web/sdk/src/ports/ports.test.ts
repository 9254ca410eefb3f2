// Each port, called from the engine's side as the engine calls it.
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test, vi} from 'vitest';
import {PortRequest, type PortAnswer} from '../border';
import {TestBorder, codeOf} from '../testBorder';
import {openCache, type CacheKind} from './cache';
import type {MLContext} from './webnnTypes';
import {FolderCache} from './folderCache';
import {MemoryCache} from './memoryCache';
import {ByteTable} from './byteTable';
import {picturePort} from './picture';
import {startTestServer, type TestServer} from './testServer';
import {webnnPort} from './webnn';

const content = Uint8Array.from({length: 300_000}, (_, i) => (i * 2654435761) >>> 24);
const digestOf = (name: string) => createHash(name).update(content).digest('hex');
const other = 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e';
const scratch = mkdtempSync(join(tmpdir(), 'ports-'));
let server: TestServer;
let engine: TestBorder;

beforeAll(async () => {
  server = await startTestServer(content);
  engine = await TestBorder.open();
});
afterAll(async () => {
  await server?.close();
  rmSync(scratch, {recursive: true, force: true});
});

describe('net', () => {
  test('gives status and bytes, and says what it accepts', async () => {
    const answer = await engine.call<object>('net', {url: `${server.url}/honest`, accept: 'application/vnd.ipld.raw'});
    expect(answer).toMatchObject({status: 200, size: content.length, sha256: digestOf('sha256')});
    expect(server.requests.at(-1)).toEqual({path: '/honest', accept: 'application/vnd.ipld.raw'});
  });

  test.each([
    ['missing', 404],
    ['broken', 500],
    ['redirect', 302],
  ])('%s is an answer: %d', async (path, status) => {
    expect(await engine.call('net', {url: `${server.url}/${path}`})).toMatchObject({status});
  });

  test.each([
    ['endless', {max_bytes: 100_000}, 'limit_exceeded'],
    ['endless', {max_bytes: 1e12, max_unstated: 100_000}, 'limit_exceeded'],
    ['says-much', {max_bytes: 100_000, stall: 5}, 'limit_exceeded'],
    ['stalls', {stall: 0.2}, 'timeout'],
    ['stops-midway', {stall: 0.2}, 'timeout'],
    ['drips', {stall: 5, total: 0.3}, 'timeout'],
  ])('%s with %j: %s', async (path, limits, code) => {
    const asked = engine.call('net', {url: `${server.url}/${path}`, ...limits});
    expect(await codeOf(asked)).toBe(code);
    await expect(asked).rejects.toThrow(`${server.url}/${path}`);
  });

  test('a redirect is followed when told', async () => {
    expect(await engine.call('net', {url: `${server.url}/redirect`, follow: true})).toMatchObject({
      status: 200,
      size: content.length,
    });
  });

  test('a server that is not there: unreachable', async () => {
    expect(await codeOf(engine.call('net', {url: 'http://127.0.0.1:9/'}))).toBe('unreachable');
  });

  test('the caller can stop: cancelled', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    expect(await codeOf(engine.call('net', {url: `${server.url}/stalls`}, {signal: controller.signal}))).toBe(
      'cancelled',
    );
  });

  test('bytes leave the table when the engine is done with them', () => {
    expect(engine.table.size).toBe(0);
  });
});

describe('keep', () => {
  const kept = {other, text: 'some bytes'};
  const expected = {has: [true, false], read: 'some bytes', missing: true, after: [false, false]};

  test('in memory', async () => {
    expect(await engine.call('keep', kept)).toMatchObject({kind: 'memory', ...expected});
  });

  test('in a folder, where it stays', async () => {
    const folder = join(scratch, 'cache');
    const first = await TestBorder.open({cache: await FolderCache.open(folder)});
    const answer = await first.call<{cid: string}>('keep', {...kept, stay: true});
    expect(answer).toMatchObject({kind: 'folder', ...expected, after: [true, false]});
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^12-[0-9a-f]{64}$/)]);
    const second = await TestBorder.open({cache: await FolderCache.open(folder)});
    expect(await second.call('kept', {cids: [other, answer.cid]})).toEqual([null, 10]);
  });

  test('in a folder, what another process left half-written is no block, and goes', async () => {
    const folder = join(scratch, 'half');
    const first = await FolderCache.open(folder);
    await first.put('12-aa', Uint8Array.of(1, 2, 3));
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(join(folder, `12-aa.${ended}.7.partial`), 'ab'); // of one that was there before
    writeFileSync(join(folder, `12-bb.${ended}.8.partial`), 'ab');
    writeFileSync(join(folder, `12-cc.${process.pid}.9.partial`), 'ab'); // still being written
    expect(await first.stat()).toEqual({blocks: 1, bytes: 3});
    expect(await first.has('12-bb')).toBe(false);
    const second = await FolderCache.open(folder);
    expect(readdirSync(folder).sort()).toEqual(['12-aa', `12-cc.${process.pid}.9.partial`]);
    await second.put('12-bb', Uint8Array.of(4));
    expect(await second.get('12-bb')).toEqual(Uint8Array.of(4));
    expect(await second.get('12-aa')).toEqual(Uint8Array.of(1, 2, 3));
    await second.clear();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('in a folder, a block that cannot be written leaves nothing', async () => {
    const folder = join(scratch, 'taken');
    const cache = await FolderCache.open(folder);
    mkdirSync(join(folder, '12-aa', 'in the way'), {recursive: true}); // so that renaming fails
    await expect(cache.put('12-aa', Uint8Array.of(1))).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['12-aa']);
  });

  test('in a folder, the same block may be put twice at once', async () => {
    const folder = join(scratch, 'twice');
    const cache = await FolderCache.open(folder);
    await Promise.all(Array.from({length: 20}, () => cache.put('12-aa', new Uint8Array(100_000).fill(7))));
    expect(readdirSync(folder)).toEqual(['12-aa']);
    expect((await cache.get('12-aa'))!.every((byte) => byte === 7)).toBe(true);
  });

  test('bytes that never were in the engine', async () => {
    expect(await engine.call('keep', {other, url: `${server.url}/missing`})).toMatchObject({
      has: [true, false],
      read: '',
    });
  });

  test('a full disk: quota_exceeded', async () => {
    class FullCache extends MemoryCache {
      override async put(): Promise<void> {
        throw new DOMException('no room', 'QuotaExceededError');
      }
    }
    const full = await TestBorder.open({cache: new FullCache()});
    expect(await codeOf(full.call('keep', kept))).toBe('quota_exceeded');
  });

  test('a full disk under the folder: quota_exceeded', async () => {
    const folder = join(scratch, 'full');
    const full = await TestBorder.open({cache: await FolderCache.open(folder)});
    const name = `12-${createHash('sha256').update(kept.text).digest('hex')}`;
    for (let i = 1; i < 100; i += 1) symlinkSync('/dev/full', join(folder, `${name}.${process.pid}.${i}.partial`));
    expect(await codeOf(full.call('keep', kept))).toBe('quota_exceeded');
  });
});

describe('a cache that is not to be had is refused, and the message names those that are', () => {
  afterEach(() => vi.unstubAllGlobals());
  const refused = (kind: CacheKind) => openCache(kind, join(scratch, 'refused'));

  test.each(['opfs', 'indexeddb'] as const)('%s in Node', async (kind) => {
    const message = `no cache '${kind}' here; there are auto, folder, memory`;
    await expect(refused(kind)).rejects.toMatchObject({code: 'invalid_argument', message});
  });

  test('a folder in a page', async () => {
    vi.stubGlobal('window', {});
    const message = "no cache 'folder' here; there are auto, opfs, indexeddb, memory";
    await expect(refused('folder')).rejects.toMatchObject({code: 'invalid_argument', message});
  });
});

test.each([true, false])('hash, with WebCrypto %s', async (webCrypto) => {
  const hashing = await TestBorder.open({webCrypto});
  const [sha256, sha512] = [digestOf('sha256'), digestOf('sha512')];
  expect(await hashing.call('hash', {url: `${server.url}/honest`})).toEqual([sha256, sha256, sha512, sha512]);
});

describe('clock', () => {
  test('sleeps, and gives random bytes', async () => {
    const {slept, random} = await engine.call<{slept: number; random: string}>('clock', {seconds: 0.05});
    expect(slept).toBeGreaterThan(0.04);
    expect(new Set(random.match(/../g)).size).toBeGreaterThan(100);
  });

  test('a sleep can be stopped', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    expect(await codeOf(engine.call('clock', {seconds: 60}, {signal: controller.signal}))).toBe('cancelled');
  });
});

describe('compute', () => {
  test('does its steps', async () => {
    expect(await engine.call('steps', {steps: 1000})).toEqual({done: 1000, threads: 1});
  });

  test('other events get a turn between steps, and stop it', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    expect(await codeOf(engine.call('steps', {steps: 2 ** 30, work: 10_000}, {signal: controller.signal}))).toBe(
      'cancelled',
    );
  });

  test('where memory is shared, steps share threads, and a flag stops them', async () => {
    const threaded = await TestBorder.open({threads: 2});
    expect(await threaded.call('steps', {steps: 10})).toEqual({done: 10, threads: 2});
    const flagged = threaded.call(
      'steps',
      {steps: 2 ** 30, work: 10_000},
      {started: (memory, address) => setTimeout(() => Atomics.store(new Int32Array(memory), address >> 2, 1), 20)},
    );
    expect(await codeOf(flagged)).toBe('cancelled');
    threaded.border.close();
  });
});

describe('files', () => {
  test('says what stands in a folder: hidden names too, and what links lead to', async () => {
    const folder = join(scratch, 'model');
    mkdirSync(join(folder, 'sub'), {recursive: true});
    writeFileSync(join(folder, 'config.json'), '{"model_type": "bert"}');
    writeFileSync(join(folder, 'sub/weights.bin'), 'abc');
    writeFileSync(join(folder, '.hidden'), 'not wanted');
    symlinkSync('config.json', join(folder, 'link.json'));
    symlinkSync('sub', join(folder, 'folder-link'));
    symlinkSync('../gone', join(folder, 'broken'));
    symlinkSync('circle', join(folder, 'circle'));
    symlinkSync('/dev/null', join(folder, 'null'));
    const listing = await engine.call<{real_path: string; items: unknown[][]}>('files', {folder});
    const [file, directory, other, missing, circle] = [0, 1, 2, 3, 4];
    expect(listing.items.sort()).toEqual([
      ['.hidden', file, 10, ''],
      ['broken', missing, 0, '../gone'],
      ['circle', circle, 0, 'circle'],
      ['config.json', file, 22, ''],
      ['folder-link', directory, 0, 'sub'],
      ['link.json', file, 22, 'config.json'],
      ['null', other, 0, '/dev/null'],
      ['sub', directory, 0, ''],
    ]);
    expect(listing.real_path).toBe(realpathSync(folder));
    expect(await engine.call('files', {folder: join(folder, 'folder-link')})).toEqual({
      real_path: join(listing.real_path, 'sub'),
      items: [['weights.bin', file, 3, '']],
    });
    expect(await engine.call('files', {folder, path: 'config.json', offset: 2, length: 10})).toBe('model_type');
    expect(await engine.call('files', {folder, path: 'folder-link/weights.bin', offset: 1, length: 9})).toBe('bc');
  });

  test('a folder that is none: not_found', async () => {
    expect(await codeOf(engine.call('files', {folder: join(scratch, 'nowhere')}))).toBe('not_found');
  });
});

describe('gpu', () => {
  const shader = (statement: string) => `
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read> w: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) { ${statement} }`;
  const request = {values: [1, 2, 3, 4], weight: [10, 20, 30, 40], wgsl: shader('y[id.x] = x[id.x] * w[id.x];')};

  test('a dispatch gives its numbers, each time', async () => {
    const found = await engine.call<{outputs: number[][]; name: string; listed: number; lost: string}>('gpu', request);
    expect(found).toMatchObject({outputs: Array(3).fill([10, 40, 90, 160]), listed: 1, lost: '', browser: 'node'});
    expect(found.name).toMatch(/\w/);
  }, 120_000);

  test('a shader that does not compile: shader_compile', async () => {
    expect(await codeOf(engine.call('gpu', {...request, wgsl: shader('y[id.x] = nothing;')}))).toBe('shader_compile');
  }, 120_000);

  test('an engine that ends lets go of its device', async () => {
    const ending = await TestBorder.open();
    await ending.call('gpu', request);
    const destroyed = vi.spyOn(GPUDevice.prototype, 'destroy');
    ending.border.close();
    expect(destroyed).toHaveBeenCalledOnce();
    destroyed.mockRestore();
  }, 120_000);
});

describe('webnn', () => {
  test('an engine that ends lets go of its contexts', async () => {
    const destroy = vi.fn();
    const context = {lost: new Promise(() => undefined), opSupportLimits: () => ({}), destroy};
    const late = Promise.withResolvers<object>();
    const createContext = vi.fn().mockResolvedValueOnce(context).mockReturnValueOnce(late.promise);
    Object.defineProperty(globalThis.navigator, 'ml', {configurable: true, value: {createContext}});
    const ending = await TestBorder.open();
    const wrong = {lowered: {}, constant: [1], values: []};
    expect(await codeOf(ending.call('webnn', wrong))).toBe('unsupported_op'); // its context is open
    const opening = codeOf(ending.call('webnn', wrong));
    await vi.waitFor(() => expect(createContext).toHaveBeenCalledTimes(2));
    expect(destroy).not.toHaveBeenCalled();
    ending.border.close();
    expect(destroy).toHaveBeenCalledTimes(1);
    expect(await opening).toBe('cancelled');
    late.resolve(context);
    await vi.waitFor(() => expect(destroy).toHaveBeenCalledTimes(2));
    Reflect.deleteProperty(globalThis.navigator, 'ml');
  });

  test('none in Node: no_adapter', async () => {
    expect(await codeOf(engine.call('webnn', {values: [], constant: []}))).toBe('no_adapter');
  });

  test('a context that was closed: device_lost, with what the browser said of it and no more', async () => {
    const message = 'the GPU was reset';
    const context = {lost: Promise.resolve({message}), opSupportLimits: () => ({})};
    Object.defineProperty(globalThis.navigator, 'ml', {
      configurable: true,
      value: {createContext: async () => context},
    });
    const {requests} = webnnPort();
    const ask = async (name: string, numbers: number[]) => {
      const memory = new WebAssembly.Memory({initial: 1});
      return (await requests[name]!(
        new PortRequest(memory, numbers, '', [], new AbortController().signal),
      )) as PortAnswer;
    };
    const {numbers} = await ask('webnn_open', []);
    await expect(ask('webnn_build', [...numbers!])).rejects.toMatchObject({code: 'device_lost', message});
    Reflect.deleteProperty(globalThis.navigator, 'ml');
  });

  test('builds the calls, dispatches and reads', async () => {
    const calls: unknown[][] = [];
    const tensors = new Map<string, Float32Array>();
    const context = {
      lost: new Promise(() => undefined),
      opSupportLimits: () => ({add: {}, mul: {}}),
      createTensor: async (descriptor: {shape: number[]; readable?: boolean}) => ({
        key: descriptor.readable ? 'out' : 'in',
        destroy: () => calls.push(['destroy']),
      }),
      writeTensor: ({key}: {key: string}, bytes: Uint8Array<ArrayBuffer>) =>
        tensors.set(key, new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)),
      dispatch: () =>
        tensors.set(
          'out',
          tensors.get('in')!.map((value) => 2 * value),
        ),
      readTensor: async ({key}: {key: string}) => new Float32Array(tensors.get(key)!).buffer,
      destroy: () => calls.push(['context destroyed']),
    } as unknown as MLContext;
    vi.stubGlobal(
      'MLGraphBuilder',
      class {
        input(name: string) {
          return {name};
        }
        constant(_: object, bytes: Uint8Array) {
          return {bytes: [...new Float32Array(bytes.slice().buffer)]};
        }
        mul(...parameters: unknown[]) {
          calls.push(['mul', ...parameters]);
          return {};
        }
        async build(outputs: object) {
          calls.push(['build', Object.keys(outputs)]);
          return {};
        }
      },
    );
    Object.defineProperty(globalThis.navigator, 'ml', {
      configurable: true,
      value: {createContext: async () => context},
    });
    const value = {dataType: 'float32', shape: [3]};
    const lowered = {
      version: 1,
      operands: 3,
      inputs: [{name: 'x', operand: 0, used: true, ...value}],
      constants: [{operand: 1, weight: 0, ...value}],
      calls: [{op: 'mul', operands: [0, 1], arguments: [], options: {}, named: {}, results: [2]}],
      outputs: [{name: 'y', operand: 2, ...value}],
    };
    expect(await engine.call('webnn', {lowered, constant: [2, 2, 2], values: [1, 2, 3], outputs: 3})).toEqual({
      output: [2, 4, 6],
      limits: 2,
    });
    expect(calls).toEqual([
      ['mul', {name: 'x'}, {bytes: [2, 2, 2]}, {}],
      ['build', ['y']],
      ['destroy'],
      ['destroy'],
      ['context destroyed'],
    ]);
    vi.unstubAllGlobals();
    Reflect.deleteProperty(globalThis.navigator, 'ml');
  });
});

test('a call that no program knows: invalid_argument', async () => {
  expect(await codeOf(engine.call('nothing'))).toBe('invalid_argument');
});

// What browsers decode: web/test.
describe('pictures', () => {
  test('Node has no decoder, and says what to do', async () => {
    const memory = new WebAssembly.Memory({initial: 1});
    const request = new PortRequest(memory, [], 'image/png', [{pointer: 0, size: 8}], new AbortController().signal);
    const asked = picturePort(new ByteTable()).picture!(request);
    expect(await codeOf(asked)).toBe('unsupported_media');
    await expect(asked).rejects.toThrow('pass pixels');
  });
});
