// Model folders: a CID, a folder behind a URL, or a folder on disk, all read as files of verified blocks.
import {fail} from '../errors';
import type {Native} from '../wasm';
import type {Blocks, LocalBlocks} from './blocks';
import {hex, type Cid} from './cid';
import {ContentFile, listFolder, resolvePath} from './unixfs';

/** Files by path relative to the folder. */
export class ModelFolder {
  readonly #listings = new Map<string, Promise<Map<string, Cid>>>();
  constructor(readonly blocks: Blocks, readonly cid: Cid, readonly origin: 'ipfs' | 'url' | 'disk') {}

  static async open(blocks: Blocks, path: string, signal?: AbortSignal): Promise<ModelFolder> {
    return new ModelFolder(blocks, await resolvePath(blocks, path, signal), 'ipfs');
  }

  /** Undefined when there is no such file. */
  async file(path: string, signal?: AbortSignal): Promise<ContentFile | undefined> {
    const cid = await this.#find(path, signal);
    return cid && ContentFile.open(this.blocks, path, cid, signal);
  }

  async has(path: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.#find(path, signal)) !== undefined;
  }

  async #find(path: string, signal?: AbortSignal): Promise<Cid | undefined> {
    const names = path.split('/');
    const last = names.pop()!;
    let folder = this.cid;
    for (const name of names) {
      const child = (await this.#list(folder, signal)).get(name);
      if (!child) return undefined;
      folder = child;
    }
    return (await this.#list(folder, signal)).get(last);
  }

  #list(cid: Cid, signal?: AbortSignal): Promise<Map<string, Cid>> {
    let listing = this.#listings.get(cid.text);
    if (!listing) {
      listing = listFolder(this.blocks, cid, signal);
      this.#listings.set(cid.text, listing);
      listing.catch(() => this.#listings.delete(cid.text)); // a failure is not remembered
    }
    return listing;
  }
}

interface ImportedLeaf {
  digest: string;
  length: number;
}
interface ImportReply {
  cid: Cid;
  blocks: (Cid & {offset: number; size: number})[];
}

async function sha256(native: Native, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (globalThis.crypto?.subtle) return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
  return native.call<string>('ia_sha256', [], bytes);
}

/** Cuts, hashes and names files; leaves and inner nodes go to `keep`. */
export class Importer {
  readonly #files: {path: string; leaves: ImportedLeaf[]}[] = [];
  readonly chunkBytes: number;
  constructor(readonly native: Native) {
    this.chunkBytes = native.raw('ia_import_chunk_bytes');
  }

  /** `chunks` are of any size; each leaf is handed on with its offset in the file. */
  async add(path: string, chunks: AsyncIterable<Uint8Array>, keep: (cid: Cid, bytes: Uint8Array<ArrayBuffer>, offset: number) => Promise<void>): Promise<void> {
    const leaves: ImportedLeaf[] = [];
    let offset = 0;
    const leaf = async (bytes: Uint8Array<ArrayBuffer>) => {
      const digest = await sha256(this.native, bytes);
      leaves.push({digest, length: bytes.byteLength});
      await keep({text: `sha2-256 ${digest}`, version: 1, codec: 0x55, hash: 0x12, digest}, bytes, offset);
      offset += bytes.byteLength;
    };
    let pending = new Uint8Array(this.chunkBytes);
    let filled = 0;
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength;) {
        const taken = Math.min(chunk.byteLength - at, this.chunkBytes - filled);
        pending.set(chunk.subarray(at, at + taken), filled);
        filled += taken;
        at += taken;
        if (filled < this.chunkBytes) continue;
        await leaf(pending);
        pending = new Uint8Array(this.chunkBytes);
        filled = 0;
      }
    }
    if (filled > 0 || leaves.length === 0) await leaf(pending.slice(0, filled));
    this.#files.push({path, leaves});
  }

  /** The folder's CID; its inner blocks go to `keep`. */
  async finish(keep: (cid: Cid, bytes: Uint8Array<ArrayBuffer>) => Promise<void>): Promise<Cid> {
    const {cid, blocks} = this.native.call<ImportReply>('ia_import', [], JSON.stringify({files: this.#files}));
    const bytes = this.native.takeBytes();
    for (const block of blocks) await keep(block, bytes.slice(block.offset, block.offset + block.size));
    return cid;
  }
}

async function* streamChunks(response: Response): AsyncIterable<Uint8Array> {
  const reader = response.body!.getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    yield value;
  }
}

/** The file's response, or undefined when the server has none. A page sent instead of a missing file counts as none. */
async function fetchFile(url: string, signal?: AbortSignal): Promise<Response | undefined> {
  const response = await fetch(url, {signal: signal ?? null}).catch((error: unknown) => {
    signal?.throwIfAborted();
    return fail('unreachable', `${url} cannot be reached: ${String(error)}`, error);
  });
  const isPage = response.headers.get('content-type')?.startsWith('text/html') === true;
  if (response.ok && !isPage) return response;
  await response.body?.cancel();
  if (response.ok || response.status === 404 || response.status === 410) return undefined;
  return fail('source_error', `${url} answered ${response.status}`);
}

export const weightFile = 'model.safetensors';
export const shardIndex = 'model.safetensors.index.json';

/** Reads the files a model needs from below a URL, and names them: the CID of a folder with exactly these files. */
export async function importUrl(blocks: Blocks, url: string, wanted: string[], signal?: AbortSignal): Promise<ModelFolder> {
  const importer = new Importer(blocks.native);
  const base = url.endsWith('/') ? url : `${url}/`;
  const keep = (cid: Cid, bytes: Uint8Array<ArrayBuffer>) => blocks.importBlock(cid, bytes);
  const take = async (path: string): Promise<boolean> => {
    const response = await fetchFile(new URL(path, base).href, signal);
    if (response) await importer.add(path, streamChunks(response), keep);
    return response !== undefined;
  };
  let found = 0;
  for (const path of wanted) found += Number(await take(path));
  if (found === 0) fail('not_found', `${base} has none of a model's files (${wanted.slice(0, 3).join(', ')} ...)`);
  if (!(await take(weightFile))) {
    const index = await fetchFile(new URL(shardIndex, base).href, signal);
    if (index) {
      const text = new Uint8Array(await index.arrayBuffer());
      await importer.add(shardIndex, (async function* () { yield text; })(), keep);
      for (const shard of blocks.native.call<string[]>('ia_sharded_files', [], text)) await take(shard);
    }
  }
  return new ModelFolder(blocks, await importer.finish(keep), 'url');
}

/** Names a folder on disk without copying it: blocks are read from its files again, and verified, when wanted. */
export async function importDisk(native: Native, folder: string, open: (local: LocalBlocks) => Blocks, signal?: AbortSignal): Promise<ModelFolder> {
  const {createReadStream} = await import('node:fs');
  const {open: openFile, readdir, stat} = await import('node:fs/promises');
  const {join, relative, sep} = await import('node:path');
  const places = new Map<string, {path: string; offset: number; length: number} | Uint8Array<ArrayBuffer>>();
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) fail('not_found', `there is no folder ${folder}`);
  const importer = new Importer(native);
  const entries = await readdir(folder, {recursive: true, withFileTypes: true});
  for (const entry of entries.filter((item) => item.isFile())) {
    signal?.throwIfAborted();
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/');
    await importer.add(name, createReadStream(path, {highWaterMark: importer.chunkBytes}), async (cid, bytes, offset) => {
      places.set(`12-${cid.digest}`, {path, offset, length: bytes.byteLength});
    });
  }
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
