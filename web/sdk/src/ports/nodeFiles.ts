// Files: folders on disk, for Node. Which of what is there belongs to a model is decided in C++.
import type {Dirent} from 'node:fs';
import type {Ports} from '../border';
import {fail} from '../errors';
import type {ByteTable} from './byteTable';

type Item = {name: string; kind: string; size?: number; link?: string};

const kinds: Record<string, string> = {ENOENT: 'missing', ENOTDIR: 'missing', ELOOP: 'circle'};

export async function nodeFiles(table: ByteTable): Promise<Ports['requests']> {
  const {open, readdir, readlink, realpath, stat} = await import('node:fs/promises');
  const {join} = await import('node:path');

  async function describe(entry: Dirent): Promise<Item> {
    const path = join(entry.parentPath, entry.name);
    const item = {name: entry.name, ...(entry.isSymbolicLink() && {link: await readlink(path)})};
    try {
      const found = await stat(path);
      if (found.isFile()) return {...item, kind: 'file', size: found.size};
      return {...item, kind: found.isDirectory() ? 'folder' : 'other'};
    } catch (error) {
      return {...item, kind: kinds[(error as NodeJS.ErrnoException).code ?? ''] ?? 'unreadable'};
    }
  }

  async function list(folder: string): Promise<{real: string; items: Item[]}> {
    const entries = await readdir(folder, {withFileTypes: true});
    return {real: await realpath(folder), items: await Promise.all(entries.map(describe))};
  }

  async function read(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = await open(path);
    try {
      const bytes = new Uint8Array(length);
      const {bytesRead} = await file.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  const unreadable = (path: string) => (error: unknown) =>
    fail('io', `${path} cannot be read: ${String(error)}`, error);
  return {
    files_list: async ({text: folder}) => {
      if (!(await stat(folder).catch(() => undefined))?.isDirectory())
        fail('not_found', `there is no folder ${folder}`);
      return {text: JSON.stringify(await list(folder).catch(unreadable(folder)))};
    },
    files_read: async ({text, numbers: [offset, length]}) => {
      const [folder, path] = text.split('\n') as [string, string];
      const bytes = await read(join(folder, path), offset!, length!).catch(unreadable(path));
      return {numbers: table.add(bytes)};
    },
  };
}
