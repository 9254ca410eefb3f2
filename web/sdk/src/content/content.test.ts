// The content path against gateways that behave and gateways that do not.
import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {testNative} from '../testNative';
import type {Native} from '../wasm';
import {Blocks} from './blocks';
import {cacheKey, parseCid, type Cid} from './cid';
import {FolderCache} from './folderCache';
import {ModelFolder} from './folders';
import {Importer} from './importer';
import {MemoryCache} from './memoryCache';
import {startTestGateway, type TestGateway} from './testGateway';

const stall = 1500; // long enough for a busy machine, short enough to wait for
let native: Native;
let gateway: TestGateway;
let root: Cid;
const blocks = new Map<string, Uint8Array>();
const content = Uint8Array.from({length: 2_500_000}, (_, i) => (i * 2654435761) >>> 24);

async function* pieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 300_001) yield bytes.subarray(at, at + 300_001);
}

const opened = (cache = new MemoryCache(), gateways = [gateway.url]) => new Blocks(native, cache, gateways, stall);
const readAll = async (source: Blocks) => {
  const file = await (await ModelFolder.open(source, root.text)).file('sub/weights.bin');
  return file!.read(0, file!.size);
};
const codeOf = (work: Promise<unknown>) => work.then(() => '', (error: {code: string}) => error.code);

beforeAll(async () => {
  native = await testNative();
  const importer = new Importer(native);
  const keep = async (cid: Cid, bytes: Uint8Array) => {
    // A raw leaf's CID text is not known to the importer; ask the engine for it through the folder below.
    blocks.set(cid.text.startsWith('sha2-256') ? cid.digest : cid.text, bytes.slice());
  };
  await importer.add('config.json', pieces(new TextEncoder().encode('{"model_type": "bert"}')), keep);
  await importer.add('sub/weights.bin', pieces(content), keep);
  root = await importer.finish(keep);
  for (const [key, bytes] of [...blocks]) {
    if (key.length !== 64) for (const link of native.call<{links: Cid[]}>('ia_block_decode', [], key, bytes).links) {
      const leaf = blocks.get(link.digest);
      if (leaf) blocks.set(link.text, leaf);
    }
  }
  gateway = await startTestGateway(blocks);
});
afterAll(() => gateway?.close());
beforeEach(() => {
  gateway.behaviour = 'honest';
  gateway.requests = [];
});

test('an honest gateway gives the file, and the cache gives it again without a request', async () => {
  const cache = new MemoryCache();
  const first = opened(cache);
  expect(await readAll(first)).toEqual(content);
  expect(first.figures).toMatchObject({blocks_from_cache: 0, blocks_corrupt: 0});
  expect(first.figures.bytes_fetched).toBeGreaterThan(content.length);
  const asked = gateway.requests.length;
  const second = opened(cache);
  expect(await readAll(second)).toEqual(content);
  expect(gateway.requests.length).toBe(asked);
  expect(second.figures).toMatchObject({blocks_fetched: 0, blocks_from_cache: first.figures.blocks_fetched});
});

describe('a gateway that misbehaves gives a coded error, and nothing is kept', () => {
  test.each([
    ['lies', 'source_lied'], ['truncates', 'source_lied'], ['endless', 'source_lied'], ['stalls', 'timeout'],
    ['stops-midway', 'timeout'], ['missing', 'not_found'], ['broken', 'source_error'],
  ] as const)('%s: %s', async (behaviour, code) => {
    gateway.behaviour = behaviour;
    const cache = new MemoryCache();
    expect(await codeOf(readAll(opened(cache)))).toBe(code);
    expect(await cache.stat()).toEqual({blocks: 0, bytes: 0});
  });

  test('a gateway that is not there: unreachable', async () => {
    expect(await codeOf(readAll(opened(new MemoryCache(), ['http://127.0.0.1:9'])))).toBe('unreachable');
  });

  test('no gateway: no_source', async () => {
    expect(await codeOf(readAll(opened(new MemoryCache(), [])))).toBe('no_source');
  });
});

test('the second gateway serves what the first one lies about', async () => {
  const honest = await startTestGateway(blocks);
  gateway.behaviour = 'lies';
  expect(await readAll(opened(new MemoryCache(), [gateway.url, honest.url]))).toEqual(content);
  await honest.close();
});

test('a flipped byte in the cache is noticed, dropped and fetched again', async () => {
  const cache = new MemoryCache();
  await readAll(opened(cache));
  const kept = await cache.get(cacheKey(root));
  kept![3]! ^= 1;
  const again = opened(cache);
  expect(await readAll(again)).toEqual(content);
  expect(again.figures).toMatchObject({blocks_corrupt: 1, blocks_fetched: 1});
});

test('a full disk costs the next visit time, not this one its result', async () => {
  class FullCache extends MemoryCache {
    override async put(): Promise<void> {
      throw new DOMException('no room', 'QuotaExceededError');
    }
  }
  const source = opened(new FullCache());
  expect(await readAll(source)).toEqual(content);
  expect(source.figures.quota_exceeded).toBe(true);
});

test('the caller can stop: cancelled', async () => {
  gateway.behaviour = 'stalls';
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  expect(await codeOf(opened().get(root, controller.signal))).toBe('cancelled');
});

test('digests are the same without WebCrypto', async () => {
  const own = native.call<string>('ia_sha256', [], content);
  const theirs = Buffer.from(await crypto.subtle.digest('SHA-256', content)).toString('hex');
  expect(own).toBe(theirs);
});

test('a CID that is none: invalid_cid', () => {
  expect(() => parseCid(native, 'bafynonsense')).toThrowError(expect.objectContaining({code: 'invalid_cid'}));
});

test('the folder cache survives and lists what it keeps', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blocks-'));
  const cache = await FolderCache.open(folder);
  await readAll(new Blocks(native, cache, [gateway.url], stall));
  const files = await readdir(folder);
  expect((await cache.stat()).blocks).toBe(files.length);
  await writeFile(join(folder, cacheKey(root)), 'damaged');
  const again = new Blocks(native, await FolderCache.open(folder), [gateway.url], stall);
  expect(await readAll(again)).toEqual(content);
  expect(again.figures).toMatchObject({blocks_corrupt: 1, blocks_fetched: 1});
  await rm(folder, {recursive: true});
});
