// OpfsCache: blocks as files of the origin-private file system, one file a block.
import type {BlockCache} from './cache';

interface SyncHandle {
  read(buffer: Uint8Array, options: {at: number}): number;
  write(buffer: Uint8Array, options: {at: number}): number;
  truncate(size: number): void;
  flush(): void;
  getSize(): number;
  close(): void;
}
/** Synchronous handles exist only in workers; several readers need the mode, which not every browser knows. */
type FileHandle = FileSystemFileHandle & {
  createSyncAccessHandle?: (options?: {mode: 'read-only' | 'readwrite'}) => Promise<SyncHandle>;
};
type Directory = FileSystemDirectoryHandle & {values(): AsyncIterable<FileSystemHandle>};

const folderNames = ['ipfs_accelerate', 'blocks'];

export class OpfsCache implements BlockCache {
  readonly kind = 'opfs';
  private constructor(readonly directory: Directory) {}

  static async open(): Promise<OpfsCache> {
    let directory = await navigator.storage.getDirectory();
    for (const name of folderNames) directory = await directory.getDirectoryHandle(name, {create: true});
    return new OpfsCache(directory as Directory);
  }

  async has(key: string): Promise<boolean> {
    return (await this.#file(key, false)) !== undefined;
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await this.#file(key, false);
    if (!file) return undefined;
    // Another tab may hold the file: then the asynchronous way still reads it.
    const handle = await file.createSyncAccessHandle?.({mode: 'read-only'}).catch(() => undefined);
    if (!handle) {
      const blob = await file.getFile().catch(() => undefined);
      return blob && blob.size > 0 ? new Uint8Array(await blob.arrayBuffer()) : undefined;
    }
    try {
      const bytes = new Uint8Array(handle.getSize());
      return bytes.byteLength > 0 && handle.read(bytes, {at: 0}) === bytes.byteLength ? bytes : undefined;
    } finally {
      handle.close();
    }
  }

  async put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const file = (await this.#file(key, true))!;
    try {
      if (file.createSyncAccessHandle) await writeSync(file, bytes);
      else await writeStream(file, bytes);
    } catch (error) {
      if ((error as Error).name === 'NoModificationAllowedError') return; // another tab writes the same block
      await this.delete(key);
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    await this.directory.removeEntry(key).catch(() => undefined);
  }

  async stat() {
    let [blocks, bytes] = [0, 0];
    for await (const handle of this.directory.values()) {
      if (handle.kind !== 'file') continue;
      blocks += 1;
      bytes += (await (handle as FileSystemFileHandle).getFile()).size;
    }
    return {blocks, bytes};
  }

  async clear() {
    const names: string[] = [];
    for await (const handle of this.directory.values()) names.push(handle.name);
    for (const name of names) await this.delete(name);
  }

  async #file(key: string, create: boolean): Promise<FileHandle | undefined> {
    try {
      return (await this.directory.getFileHandle(key, {create})) as FileHandle;
    } catch (error) {
      if (create) throw error;
      return undefined;
    }
  }
}

async function writeSync(file: FileHandle, bytes: Uint8Array): Promise<void> {
  const handle = await file.createSyncAccessHandle!();
  try {
    handle.truncate(0);
    const written = handle.write(bytes, {at: 0});
    if (written !== bytes.byteLength) throw new DOMException('the storage is full', 'QuotaExceededError');
    handle.flush();
  } finally {
    handle.close();
  }
}

async function writeStream(file: FileHandle, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const stream = await file.createWritable();
  await stream.write(bytes);
  await stream.close();
}
