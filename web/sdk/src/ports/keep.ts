// Keep and hash: blocks in the page's cache, digests by WebCrypto. Both take many at once.
import type {PortRequest, Ports} from '../border';
import {asError} from '../errors';
import type {ByteTable} from './byteTable';
import type {BlockCache} from './cache';

const keysOf = ({text}: PortRequest) => text.split('\n');
const algorithms: Record<number, string> = {32: 'SHA-256', 64: 'SHA-512'};

export function keepPort(cache: BlockCache, table: ByteTable): Ports['requests'] {
  return {
    keep_has: async (request) => ({
      numbers: (await Promise.all(keysOf(request).map((key) => cache.has(key)))).map(Number),
    }),
    keep_read: async (request) => {
      const blocks = await Promise.all(keysOf(request).map((key) => cache.get(key)));
      return {numbers: blocks.flatMap((bytes) => table.add(bytes))};
    },
    keep_put: async (request) => {
      const bytes = request.numbers[0] ? table.get(request.numbers[0]) : request.copy(0);
      await cache.put(request.text, bytes).catch((error: unknown) => {
        throw asError(error, 'io');
      });
    },
    keep_forget: async (request) => {
      await Promise.all(keysOf(request).map((key) => cache.delete(key)));
    },
  };
}

/** Each span takes a digest; its size says which one. */
export function hashPort(table: ByteTable): Ports['requests'] {
  return {
    hash: async (request) => {
      await Promise.all(
        request.numbers.map(async (handle, i) => {
          const digest = await crypto.subtle.digest(algorithms[request.spans[i]!.size]!, table.get(handle));
          request.bytes(i).set(new Uint8Array(digest));
        }),
      );
    },
  };
}
