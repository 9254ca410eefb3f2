// Blocks: the one way to bytes by CID. Cache first, then each gateway; verified every time, kept only when verified.
import {IpfsAccelerateError, asError, checkAborted, fail} from '../errors';
import type {Native} from '../wasm';
import type {BlockCache} from './cache';
import {cacheKey, verifyBlock, type Cid} from './cid';
import {fetchBlock} from './gateway';

/** What was read from where; all counted, none assumed. */
export interface ContentFigures {
  cache: string;
  blocks_from_cache: number;
  blocks_fetched: number;
  bytes_from_cache: number;
  bytes_fetched: number;
  bytes_verified: number;
  /** Kept blocks that no longer matched their CID; they were dropped and fetched again. */
  blocks_corrupt: number;
  /** The browser had no room to keep a block. */
  quota_exceeded: boolean;
  /** Time in which at least one block was being read, fetched or verified. */
  milliseconds: number;
}

/** Bytes of one block from a place that needs no cache (a local folder); undefined when it has not got it. */
export type LocalBlocks = (key: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;

/** Chrome queues beyond this many requests to one host anyway. */
const maxInFlight = 16;

export class Blocks {
  readonly figures: ContentFigures;
  #inFlight = 0;
  #reading = 0;
  #since = 0;
  /** Blocks that were counted already: reading one again is no second hit. */
  readonly #counted = new Set<string>();
  readonly #imported = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #waiting: (() => void)[] = [];

  constructor(
      readonly native: Native, readonly cache: BlockCache, readonly gateways: string[],
      readonly stallTimeout: number, readonly local?: LocalBlocks) {
    this.figures = {
      cache: cache.kind, blocks_from_cache: 0, blocks_fetched: 0, bytes_from_cache: 0, bytes_fetched: 0, bytes_verified: 0,
      blocks_corrupt: 0, quota_exceeded: false, milliseconds: 0,
    };
  }

  /** Verified bytes. source_lied, timeout, unreachable, not_found, no_source name what each gateway did. */
  async get(cid: Cid, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    checkAborted(signal);
    if (this.#reading === 0) this.#since = performance.now();
    this.#reading += 1;
    try {
      return (await this.#fromLocal(cid)) ?? (await this.#fromCache(cid)) ?? (await this.#limited(() => this.#fromGateways(cid, signal), signal));
    } finally {
      this.#reading -= 1;
      if (this.#reading === 0) this.figures.milliseconds += performance.now() - this.#since;
    }
  }

  /** Whether the cache has the block; its bytes are not verified here. */
  has(cid: Cid): Promise<boolean> {
    return this.cache.has(cacheKey(cid));
  }

  /** Keeps a block of an import; where the cache has no room, in memory. Blocks that are there already stay. */
  async importBlock(cid: Cid, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const key = cacheKey(cid);
    this.#count(key, 'fetched', bytes);
    await this.#store(cid, bytes);
    if (this.figures.quota_exceeded) this.#imported.set(key, bytes);
  }

  async #fromLocal(cid: Cid): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const key = cacheKey(cid);
    const bytes = this.#imported.get(key) ?? (await this.local?.(key));
    if (bytes) await this.#verify(cid, bytes);
    return bytes;
  }

  async #fromCache(cid: Cid): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const key = cacheKey(cid);
    const bytes = await this.cache.get(key);
    if (!bytes) return undefined;
    try {
      await this.#verify(cid, bytes);
    } catch {
      this.figures.blocks_corrupt += 1;
      await this.cache.delete(key);
      return undefined;
    }
    this.#count(key, 'from_cache', bytes);
    return bytes;
  }

  #count(key: string, origin: 'fetched' | 'from_cache', bytes: Uint8Array): void {
    if (this.#counted.has(key)) return;
    this.#counted.add(key);
    this.figures[`blocks_${origin}`] += 1;
    this.figures[`bytes_${origin}`] += bytes.byteLength;
  }

  async #fromGateways(cid: Cid, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const errors: IpfsAccelerateError[] = [];
    for (const gateway of this.gateways) {
      try {
        const bytes = await fetchBlock(gateway, cid, {stallTimeout: this.stallTimeout}, signal);
        await this.#verify(cid, bytes).catch((error: unknown) => fail('source_lied', `${gateway}: ${asError(error).message}`, error));
        this.#count(cacheKey(cid), 'fetched', bytes);
        await this.#store(cid, bytes);
        return bytes;
      } catch (error) {
        const known = asError(error);
        if (known.code === 'cancelled') throw known;
        errors.push(known);
      }
    }
    if (errors.length === 1) throw errors[0];
    return fail('no_source', `no source has ${cid.text}: ${errors.map((error) => error.message).join('; ') || 'no gateway is configured'}`);
  }

  async #verify(cid: Cid, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await verifyBlock(this.native, cid, bytes);
    this.figures.bytes_verified += bytes.byteLength;
  }

  /** A full disk costs the next visit time, not this one its result. */
  async #store(cid: Cid, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.figures.quota_exceeded) return;
    try {
      await this.cache.put(cacheKey(cid), bytes);
    } catch (error) {
      if (asError(error).code !== 'quota_exceeded') throw asError(error, 'io');
      this.figures.quota_exceeded = true;
    }
  }

  async #limited<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    while (this.#inFlight >= maxInFlight) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    checkAborted(signal);
    this.#inFlight += 1;
    try {
      return await work();
    } finally {
      this.#inFlight -= 1;
      this.#waiting.shift()?.();
    }
  }
}
