// MemoryCache: blocks kept as long as the page or process lives.
import type {BlockCache} from './cache';

export class MemoryCache implements BlockCache {
  readonly kind = 'memory';
  readonly #blocks = new Map<string, Uint8Array<ArrayBuffer>>();

  readonly has = async (key: string) => this.#blocks.has(key);
  readonly get = async (key: string) => this.#blocks.get(key);
  async put(key: string, bytes: Uint8Array<ArrayBuffer>) {
    this.#blocks.set(key, bytes);
  }
  readonly delete = async (key: string) => void this.#blocks.delete(key);
  readonly clear = async () => this.#blocks.clear();

  async stat() {
    const bytes = [...this.#blocks.values()].reduce((sum, {byteLength}) => sum + byteLength, 0);
    return {blocks: this.#blocks.size, bytes};
  }
}
