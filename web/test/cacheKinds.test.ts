// Both browser caches in a real page: the second load needs no gateway, and clearing leaves nothing.
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import type {Result} from '../sdk/src/result';
// @ts-expect-error a plain script
import {startGateway} from './gateway.mjs';
// @ts-expect-error a plain script
import {openSdkPage} from './sdkPage.mjs';

interface Gateway {
  cids: Record<string, string>;
  routes: object;
  close(): Promise<void>;
}
interface SdkPage {
  origin: string;
  call<T>(method: string, ...args: unknown[]): Promise<T>;
  close(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');
const dist = process.env.IA_WEB_DIST || join(root, 'web/dist');
let gateway: Gateway;
let page: SdkPage;

beforeAll(async () => {
  const program = join(process.env.IA_BIN || join(root, 'build/release/bin'), 'ipfs-accelerate');
  gateway = await (startGateway as (...args: unknown[]) => Promise<Gateway>)(
    program,
    {bert: join(root, 'zoo/numbers-bert')},
    dist,
  );
  page = await (openSdkPage as (options: object) => Promise<SdkPage>)({browser: 'chromium', routes: gateway.routes});
});
afterAll(async () => {
  await page?.close();
  await gateway?.close();
});

test.each(['opfs', 'indexeddb'])('%s', async (cache) => {
  const run = (route: string) =>
    page.call<Result>('accelerate', {cid: gateway.cids.bert}, ['42'], {
      platform: 'cpu',
      cache,
      gateways: [page.origin + route],
    });
  await page.call('cache.clear', {cache});
  const first = await run('/honest');
  expect(first).toMatchObject({
    ipfs_source: 'ipfs',
    ipfs_cache_hit: false,
    cid: gateway.cids.bert,
    content: {cache, blocks_from_cache: 0},
  });
  await page.call('dispose');
  const second = await run('/nowhere');
  expect(second).toMatchObject({
    ipfs_source: 'cache',
    ipfs_cache_hit: true,
    output: first.output,
    content: {blocks_fetched: 0, blocks_from_cache: first.content.blocks_fetched},
  });
  expect(await page.call('cache.stat', {cache})).toEqual({
    kind: cache,
    blocks: first.content.blocks_fetched,
    bytes: first.content.bytes_fetched,
  });
  await page.call('cache.clear', {cache});
  expect(await page.call('cache.stat', {cache})).toEqual({kind: cache, blocks: 0, bytes: 0});
  await page.call('dispose');
  await expect(run('/nowhere')).rejects.toMatchObject({code: 'no_source'});
});
