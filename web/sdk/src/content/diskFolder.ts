// A model folder on disk (Node): named by its CID without copying it, as `ipfs-accelerate add` names it.
import type {Dirent} from 'node:fs';
import {fail} from '../errors';
import type {Native} from '../wasm';
import type {Blocks, LocalBlocks} from './blocks';
import {ModelFolder} from './folders';
import {Importer} from './importer';

/** What is hidden is left out; symbolic links stay links. Blocks are read from the folder's files again, and verified, when wanted. */
export async function importDisk(native: Native, folder: string, open: (local: LocalBlocks) => Blocks, signal?: AbortSignal): Promise<ModelFolder> {
  const {createReadStream} = await import('node:fs');
  const {open: openFile, readdir, readlink, stat} = await import('node:fs/promises');
  const {join, relative, sep} = await import('node:path');
  const places = new Map<string, {path: string; offset: number; length: number} | Uint8Array<ArrayBuffer>>();
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) fail('not_found', `there is no folder ${folder}`);
  const importer = new Importer(native);
  const add = async (entry: Dirent): Promise<void> => {
    signal?.throwIfAborted();
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/');
    if (entry.isSymbolicLink()) {
      importer.addLink(name, await readlink(path));
    } else if (entry.isDirectory()) {
      importer.addFolder(name);
      await addAll(path);
    } else if (entry.isFile()) {
      await importer.add(name, createReadStream(path, {highWaterMark: importer.chunkBytes}), async (cid, bytes, offset) => {
        places.set(`12-${cid.digest}`, {path, offset, length: bytes.byteLength});
      });
    } else {
      fail('invalid_argument', `${path} is no file, folder or symbolic link`);
    }
  };
  const addAll = async (path: string): Promise<void> => {
    const entries = await readdir(path, {withFileTypes: true});
    for (const entry of entries) if (!entry.name.startsWith('.')) await add(entry);
  };
  await addAll(folder);
  const cid = await importer.finish(async (block, bytes) => { places.set(`12-${block.digest}`, bytes); });
  const local: LocalBlocks = async (key) => {
    const place = places.get(key);
    if (!place || place instanceof Uint8Array) return place;
    const file = await openFile(place.path);
    try {
      const bytes = new Uint8Array(place.length);
      await file.read(bytes, 0, place.length, place.offset);
      return bytes;
    } finally {
      await file.close();
    }
  };
  return new ModelFolder(open(local), cid, 'disk');
}
