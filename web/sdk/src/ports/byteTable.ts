// ByteTable: bytes that stay outside the WebAssembly memory; the engine holds their numbers.

export class ByteTable {
  memory: WebAssembly.Memory | undefined;
  readonly #kept = new Map<number, Uint8Array<ArrayBuffer>>();
  #last = 0;

  /** A number for these bytes, which must not change any more, and their size: as ports answer. */
  add(bytes: Uint8Array<ArrayBuffer> | undefined): [handle: number, size: number] {
    if (!bytes) return [0, 0];
    this.#last += 1;
    this.#kept.set(this.#last, bytes);
    return [this.#last, bytes.byteLength];
  }

  get(handle: number): Uint8Array<ArrayBuffer> {
    return this.#kept.get(handle)!;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** Called by the engine: into its memory. */
  copy(handle: number, offset: number, into: number, size: number): void {
    new Uint8Array(this.memory!.buffer).set(this.get(handle).subarray(offset, offset + size), into);
  }

  /** Called by the engine. */
  drop(handle: number): void {
    this.#kept.delete(handle);
  }
}
