// Files: folders on disk, for Node.
import type {Dirent} from 'node:fs';
import type {Ports} from '../border';
import {fail} from '../errors';
import type {ByteTable} from './byteTable';

type Item = {path: string; size?: number; folder?: boolean; link?: string};

export async function nodeFiles(table: ByteTable): Promise<Ports['requests']> {
  const {open, readdir, readlink, stat} = await import('node:fs/promises');
  const {join, relative, sep} = await import('node:path');

  async function describe(root: string, entry: Dirent): Promise<Item> {
    const full = join(entry.parentPath, entry.name);
    const path = relative(root, full).split(sep).join('/');
    if (entry.isSymbolicLink()) return {path, link: await readlink(full)};
    if (entry.isDirectory()) return {path, folder: true};
    if (entry.isFile()) return {path, size: (await stat(full)).size};
    return fail('invalid_argument', `${full} is no file, folder or symbolic link`);
  }

  async function list(root: string, folder: string): Promise<Item[]> {
    const items: Item[] = [];
    for (const entry of await readdir(folder, {withFileTypes: true})) {
      if (entry.name.startsWith('.')) continue;
      items.push(await describe(root, entry));
      if (entry.isDirectory()) items.push(...(await list(root, join(folder, entry.name))));
    }
    return items;
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

  return {
    files_list: async ({text: folder}) => {
      if (!(await stat(folder).catch(() => undefined))?.isDirectory())
        fail('not_found', `there is no folder ${folder}`);
      return {text: JSON.stringify(await list(folder, folder))};
    },
    files_read: async ({text, numbers: [offset, length]}) => {
      const [folder, path] = text.split('\n') as [string, string];
      const bytes = await read(join(folder, path), offset!, length!).catch((error: unknown) =>
        fail('io', `${path} cannot be read: ${String(error)}`, error),
      );
      return {numbers: table.add(bytes)};
    },
  };
}
