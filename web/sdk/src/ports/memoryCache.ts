// MemoryCache: blocks kept as long as the page or process lives.
import type {BlockCache} from './cache';

export class MemoryCache implements BlockCache {
  readonly kind = 'memory';
  readonly #blocks = new Map<string, Uint8Array<ArrayBuffer>>();

  async has(key: string) {
    return this.#blocks.has(key);
  }

  async get(key: string) {
    return this.#blocks.get(key);
  }

  async put(key: string, bytes: Uint8Array<ArrayBuffer>) {
    this.#blocks.set(key, bytes);
  }

  async delete(key: string) {
    this.#blocks.delete(key);
  }

  async stat() {
    const bytes = [...this.#blocks.values()].reduce((sum, {byteLength}) => sum + byteLength, 0);
    return {blocks: this.#blocks.size, bytes};
  }

  async clear() {
    this.#blocks.clear();
  }
}
