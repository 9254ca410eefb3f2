// UnixFS in the page: listing folders and laying files out as leaves; nodes are decoded by the engine.
import {fail} from '../errors';
import type {Native} from '../wasm';
import type {Blocks} from './blocks';
import {parseCid, rawCodec, type Cid} from './cid';
import {concat} from './gateway';

type Link = Cid & {name: string};
interface UnixFsNode {
  type: 'file' | 'directory' | 'hamt' | 'symlink' | 'metadata';
  size: number;
  block_sizes: number[];
  fanout: number;
  links: Link[];
  data: Uint8Array<ArrayBuffer>;
}

/** A run of a file's bytes: one raw block, or a dag-pb block (perhaps with blocks below) of at most one block's size. */
export interface Leaf {
  cid: Cid;
  offset: number;
  length: number;
}

const maxDepth = 32;
const maxLeaves = 1 << 20; // 1 TiB at 1 MiB
const maxEntries = 1 << 16;
/** A dag-pb child no larger than this is read when its bytes are wanted, not when the file is laid out. */
const lazyBytes = 1 << 20;

function decode(native: Native, cid: Cid, bytes: Uint8Array): UnixFsNode {
  const node = native.call<Omit<UnixFsNode, 'data'>>('ia_block_decode', [], cid.text, bytes);
  return {...node, data: native.takeBytes()};
}

async function readNode(blocks: Blocks, cid: Cid, signal?: AbortSignal): Promise<UnixFsNode> {
  return decode(blocks.native, cid, await blocks.get(cid, signal));
}

/** The entries of a folder by name, flat or sharded. */
export async function listFolder(blocks: Blocks, cid: Cid, signal?: AbortSignal): Promise<Map<string, Cid>> {
  const entries = new Map<string, Cid>();
  const waiting = [{cid, prefix: 0, depth: 0}];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next.depth > maxDepth) fail('limit_exceeded', `the folder ${cid.text} is nested deeper than ${maxDepth} shards`);
    const node = await readNode(blocks, next.cid, signal);
    if (node.type !== 'directory' && node.type !== 'hamt') fail('invalid_argument', `${next.cid.text} is a ${node.type}, not a folder`);
    // Names in a shard begin with the slot's number; nothing after it means a further shard.
    const prefix = node.type === 'hamt' ? (node.fanout - 1).toString(16).length : 0;
    for (const link of node.links) {
      const name = link.name.slice(prefix);
      if (prefix > 0 && name === '') waiting.push({cid: link, prefix, depth: next.depth + 1});
      else entries.set(name, link);
    }
    if (entries.size > maxEntries) fail('limit_exceeded', `the folder ${cid.text} has more than ${maxEntries} entries`);
  }
  return entries;
}

/** A CID followed by names: "CID", "CID/a/b", with or without "/ipfs/" or "ipfs://" in front. */
export async function resolvePath(blocks: Blocks, path: string, signal?: AbortSignal): Promise<Cid> {
  const [root, ...names] = path.replace(/^(ipfs:\/\/|\/ipfs\/)/, '').split('/').filter((name) => name !== '');
  let cid = parseCid(blocks.native, root ?? '');
  for (const name of names) {
    const child = (await listFolder(blocks, cid, signal)).get(decodeURIComponent(name));
    if (!child) fail('not_found', `there is no ${name} in ${cid.text}`);
    cid = child;
  }
  return cid;
}

/** A file of verified leaves. */
export class ContentFile {
  private constructor(
      readonly blocks: Blocks, readonly name: string, readonly size: number, readonly leaves: Leaf[],
      /** A file of one raw block is read to learn its size; its bytes are kept for the reader that follows. */
      readonly whole?: Uint8Array<ArrayBuffer>) {}

  static async open(blocks: Blocks, name: string, cid: Cid, signal?: AbortSignal): Promise<ContentFile> {
    if (cid.codec === rawCodec) {
      const bytes = await blocks.get(cid, signal);
      return new ContentFile(blocks, name, bytes.byteLength, [{cid, offset: 0, length: bytes.byteLength}], bytes);
    }
    const root = await readNode(blocks, cid, signal);
    if (root.type !== 'file') fail('invalid_argument', `${name} (${cid.text}) is a ${root.type}, not a file`);
    const leaves: Leaf[] = root.links.length === 0 ? [{cid, offset: 0, length: root.size}] : [];
    await layOut(blocks, root, 0, leaves, 0, signal);
    return new ContentFile(blocks, name, root.size, leaves);
  }

  /** Verified content of one leaf. */
  async leaf(index: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.whole) return this.whole;
    const leaf = this.leaves[index]!;
    const bytes = await readWhole(this.blocks, leaf.cid, 0, signal);
    if (bytes.byteLength !== leaf.length) {
      fail('malformed_block', `${leaf.cid.text} has ${bytes.byteLength} bytes, but ${this.name} says ${leaf.length}`);
    }
    return bytes;
  }

  /** Whether the cache has every leaf. */
  async isKept(): Promise<boolean> {
    for (const {cid} of this.leaves) if (!(await this.blocks.has(cid))) return false;
    return true;
  }

  /** Numbers of the leaves that hold bytes [begin, end). */
  leavesOf(begin: number, end: number): number[] {
    let low = 0;
    let high = this.leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const leaf = this.leaves[middle]!;
      if (leaf.offset + leaf.length <= begin) low = middle + 1;
      else high = middle;
    }
    const found: number[] = [];
    for (let i = low; i < this.leaves.length && this.leaves[i]!.offset < end; i += 1) found.push(i);
    return found;
  }

  /** Bytes [begin, end), read leaf by leaf. */
  async read(begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (begin > end || end > this.size) fail('limit_exceeded', `${this.name} has ${this.size} bytes; [${begin}, ${end}) was asked for`);
    const indices = this.leavesOf(begin, end);
    const parts = await Promise.all(indices.map((index) => this.leaf(index, signal)));
    return this.cut(indices, parts, begin, end);
  }

  /** Bytes [begin, end) out of the leaves that hold them; a view where one leaf has them all. */
  cut(indices: number[], parts: Uint8Array<ArrayBuffer>[], begin: number, end: number): Uint8Array<ArrayBuffer> {
    const pieces = parts.map((bytes, i) => {
      const {offset} = this.leaves[indices[i]!]!;
      return bytes.subarray(Math.max(0, begin - offset), Math.min(bytes.byteLength, end - offset));
    });
    return pieces.length === 1 ? pieces[0]! : concat(pieces, end - begin);
  }
}

async function layOut(blocks: Blocks, node: UnixFsNode, offset: number, leaves: Leaf[], depth: number, signal?: AbortSignal): Promise<number> {
  if (depth > maxDepth) fail('limit_exceeded', `a file is nested deeper than ${maxDepth} levels`);
  if (node.links.length > 0 && node.data.byteLength > 0) fail('malformed_block', 'a file node has both bytes and links');
  for (const [i, link] of node.links.entries()) {
    const length = node.block_sizes[i]!;
    if (link.codec === rawCodec || length <= lazyBytes) leaves.push({cid: link, offset, length});
    else {
      const child = await readNode(blocks, link, signal);
      if (child.size !== length) fail('malformed_block', `${link.text} holds ${child.size} bytes, but its parent says ${length}`);
      await layOut(blocks, child, offset, leaves, depth + 1, signal);
    }
    if (leaves.length > maxLeaves) fail('limit_exceeded', `a file has more than ${maxLeaves} leaves`);
    offset += length;
  }
  return offset;
}

/** A small sub-DAG's whole content. */
async function readWhole(blocks: Blocks, cid: Cid, depth: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await blocks.get(cid, signal);
  if (cid.codec === rawCodec) return bytes;
  if (depth > maxDepth) fail('limit_exceeded', `a file is nested deeper than ${maxDepth} levels`);
  const node = decode(blocks.native, cid, bytes);
  if (node.type !== 'file') fail('malformed_block', `${cid.text} is a ${node.type} inside a file`);
  if (node.links.length === 0) return node.data;
  if (node.size > lazyBytes) fail('malformed_block', `${cid.text} holds ${node.size} bytes, more than its parent says`);
  const parts: Uint8Array[] = [];
  for (const link of node.links) parts.push(await readWhole(blocks, link, depth + 1, signal));
  return concat(parts, parts.reduce((sum, part) => sum + part.byteLength, 0));
}
