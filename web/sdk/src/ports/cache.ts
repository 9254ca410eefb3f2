// BlockCache: where blocks are kept between visits. The engine verifies what it reads back.
import {fail} from '../errors';
import {isNode} from '../features';
import {IndexedDbCache} from './indexedDbCache';
import {MemoryCache} from './memoryCache';
import {OpfsCache} from './opfsCache';

export interface BlockCache {
  readonly kind: CacheKind;
  has(key: string): Promise<boolean>;
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Throws a QuotaExceededError when there is no room. */
  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  delete(key: string): Promise<void>;
  /** Everything kept: how many blocks, how many bytes. */
  stat(): Promise<{blocks: number; bytes: number}>;
  clear(): Promise<void>;
}

/** Best first: a page has OPFS, IndexedDB and memory, Node a folder and memory. */
export type CacheKind = 'opfs' | 'indexeddb' | 'folder' | 'memory';

/** The cache asked for, or with `auto` the best there is here; invalid_argument for one that is not to be had here. */
export async function openCache(wanted: CacheKind | 'auto', folder?: string): Promise<BlockCache> {
  const possible = isNode() ? ['auto', 'folder', 'memory'] : ['auto', 'opfs', 'indexeddb', 'memory'];
  if (!possible.includes(wanted))
    fail('invalid_argument', `no cache '${wanted}' here; there are ${possible.join(', ')}`);
  if (wanted === 'memory') return new MemoryCache();
  if (isNode()) {
    const {FolderCache} = await import('./folderCache');
    return FolderCache.open(folder);
  }
  if (wanted === 'opfs') return OpfsCache.open();
  if (wanted === 'indexeddb') return IndexedDbCache.open();
  return OpfsCache.open()
    .catch(() => IndexedDbCache.open())
    .catch(() => new MemoryCache());
}
