// IndexedDbCache: blocks in one object store, for browsers that keep OPFS from us.
import type {BlockCache} from './cache';

const databaseName = 'ipfs_accelerate';
const storeName = 'blocks';

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class IndexedDbCache implements BlockCache {
  readonly kind = 'indexeddb';
  private constructor(readonly database: IDBDatabase) {}

  static async open(): Promise<IndexedDbCache> {
    const request = indexedDB.open(databaseName, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName);
    return new IndexedDbCache(await done(request));
  }

  async has(key: string): Promise<boolean> {
    return (await done(this.#store('readonly').count(key))) > 0;
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await done(this.#store('readonly').get(key))) as Uint8Array<ArrayBuffer> | undefined;
  }

  async put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const store = this.#store('readwrite');
    // A full disk shows when the transaction ends, not when the request does.
    await new Promise<void>((resolve, reject) => {
      store.transaction.oncomplete = () => resolve();
      store.transaction.onabort = () => reject(store.transaction.error);
      store.put(bytes, key);
    });
  }

  async delete(key: string): Promise<void> {
    await done(this.#store('readwrite').delete(key));
  }

  async stat() {
    let [blocks, bytes] = [0, 0];
    const request = this.#store('readonly').openCursor();
    await new Promise<void>((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return resolve();
        blocks += 1;
        bytes += (cursor.value as Uint8Array).byteLength;
        cursor.continue();
      };
    });
    return {blocks, bytes};
  }

  async clear(): Promise<void> {
    await done(this.#store('readwrite').clear());
  }

  #store(mode: IDBTransactionMode): IDBObjectStore {
    return this.database.transaction(storeName, mode).objectStore(storeName);
  }
}
