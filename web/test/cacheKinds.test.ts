// Both browser caches in a real page: the second load needs no gateway, and clearing leaves nothing.
import {createServer} from 'node:http';
import {readFileSync, readdirSync} from 'node:fs';
import {join, relative} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {Importer} from '../sdk/src/content/importer';
import type {Cid} from '../sdk/src/content/cid';
import type {Result} from '../sdk/src/result';
import {testNative} from '../sdk/src/testNative';
// @ts-expect-error a plain script
import {openSdkPage} from './sdkPage.mjs';

type Route = Parameters<typeof createServer>[1];
interface SdkPage {
  origin: string;
  call<T>(method: string, ...args: unknown[]): Promise<T>;
  close(): Promise<void>;
}

const model = join(import.meta.dirname, '../../zoo/numbers-bert');
const blocks = new Map<string, Uint8Array>();
let root: Cid;
let page: SdkPage;

const serve: Route = (request, response) => {
  const bytes = blocks.get(request.url!.replace(/^\/gateway\/ipfs\//, '').replace(/\?.*/, ''));
  response.statusCode = bytes ? 200 : 404;
  response.end(bytes);
};

beforeAll(async () => {
  const native = await testNative();
  const importer = new Importer(native);
  const leaves = new Map<string, Uint8Array>();
  const keep = async (cid: Cid, bytes: Uint8Array) => void leaves.set(cid.digest, bytes.slice());
  for (const entry of readdirSync(model, {withFileTypes: true, recursive: true}).filter((item) => item.isFile())) {
    const name = relative(model, join(entry.parentPath, entry.name));
    await importer.add(name, (async function* () { yield readFileSync(join(model, name)); })(), keep);
  }
  root = await importer.finish(async (cid, bytes) => void blocks.set(cid.text, bytes.slice()));
  for (const [cid, bytes] of [...blocks]) {
    for (const link of native.call<{links: Cid[]}>('ia_block_decode', [], cid, bytes).links) {
      const leaf = leaves.get(link.digest);
      if (leaf) blocks.set(link.text, leaf);
    }
  }
  page = await openSdkPage({browser: 'chromium', routes: {'/gateway/': serve}}) as SdkPage;
});
afterAll(() => page?.close());

test.each(['opfs', 'indexeddb'])('%s', async (cache) => {
  const run = (gateway: string) => page.call<Result>('accelerate', {cid: root.text}, ['42'], {platform: 'cpu', cache, gateways: [page.origin + gateway]});
  await page.call('cache.clear', {cache});
  const first = await run('/gateway');
  expect(first).toMatchObject({ipfs_source: 'ipfs', ipfs_cache_hit: false, cid: root.text, content: {cache, blocks_from_cache: 0}});
  await page.call('dispose');
  const second = await run('/nowhere');
  expect(second).toMatchObject({ipfs_source: 'cache', ipfs_cache_hit: true, output: first.output, content: {blocks_fetched: 0, blocks_from_cache: first.content.blocks_fetched}});
  expect(await page.call('cache.stat', {cache})).toEqual({kind: cache, blocks: first.content.blocks_fetched, bytes: first.content.bytes_fetched});
  await page.call('cache.clear', {cache});
  expect(await page.call('cache.stat', {cache})).toEqual({kind: cache, blocks: 0, bytes: 0});
  await page.call('dispose');
  await expect(run('/nowhere')).rejects.toMatchObject({code: 'not_found'});
});
