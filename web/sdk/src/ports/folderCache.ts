// FolderCache: blocks as files of a folder, for Node.
import {mkdir, readFile, readdir, rename, rm, stat, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {join} from 'node:path';
import type {BlockCache} from './cache';

/** Beside the native store, which has files of its own. */
function defaultFolder(): string {
  const data = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  return join(process.env.IPFS_ACCELERATE_HOME || join(data, 'ipfs_accelerate'), 'js-blocks');
}

let writes = 0; // two loads may keep the same block at once
const partialName = /\.(\d+)\.\d+\.partial$/;

/** A block whose writer ended before it was whole. */
function isCutOff(name: string): boolean {
  const writer = Number(partialName.exec(name)?.[1]);
  try {
    return writer > 0 && !process.kill(writer, 0); // no signal: it only looks
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

export class FolderCache implements BlockCache {
  readonly kind = 'folder';
  private constructor(readonly folder: string) {}

  static async open(folder = defaultFolder()): Promise<FolderCache> {
    await mkdir(folder, {recursive: true});
    for (const name of (await readdir(folder)).filter(isCutOff)) await rm(join(folder, name), {force: true});
    return new FolderCache(folder);
  }

  async has(key: string): Promise<boolean> {
    return (await stat(join(this.folder, key)).catch(() => undefined)) !== undefined;
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await readFile(join(this.folder, key)).catch(() => undefined);
    return bytes && new Uint8Array(bytes);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.folder, key);
    const partial = `${path}.${process.pid}.${(writes += 1)}.partial`;
    try {
      await writeFile(partial, bytes);
      await rename(partial, path);
    } finally {
      await rm(partial, {force: true});
    }
  }

  async delete(key: string): Promise<void> {
    await rm(join(this.folder, key), {force: true});
  }

  async stat() {
    const names = (await readdir(this.folder)).filter((name) => !partialName.test(name));
    let bytes = 0;
    for (const name of names) bytes += (await stat(join(this.folder, name))).size;
    return {blocks: names.length, bytes};
  }

  async clear(): Promise<void> {
    for (const name of await readdir(this.folder)) await this.delete(name);
  }
}
