// Importer: cuts and hashes files, and lets the engine name the folder they make.
import type {Native} from '../wasm';
import {hex, type Cid} from './cid';

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
  readonly #files: ({path: string; leaves: ImportedLeaf[]} | {path: string; target: string} | {path: string; folder: true})[] = [];
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

  /** A symbolic link. */
  addLink(path: string, target: string): void {
    this.#files.push({path, target});
  }

  /** A folder that may be empty; those of files need not be added. */
  addFolder(path: string): void {
    this.#files.push({path, folder: true});
  }

  /** The folder's CID; its inner blocks go to `keep`. */
  async finish(keep: (cid: Cid, bytes: Uint8Array<ArrayBuffer>) => Promise<void>): Promise<Cid> {
    const {cid, blocks} = this.native.call<ImportReply>('ia_import', [], JSON.stringify({files: this.#files}));
    const bytes = this.native.takeBytes();
    for (const block of blocks) await keep(block, bytes.slice(block.offset, block.offset + block.size));
    return cid;
  }
}
