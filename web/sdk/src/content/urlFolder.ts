// A model folder behind a URL: imported once, so that its bytes have CIDs; afterwards read from the cache while the server
// says that nothing has changed.
import {IpfsAccelerateError, checkAborted, fail} from '../errors';
import type {Blocks} from './blocks';
import {parseCid, type Cid} from './cid';
import {ModelFolder, shardIndex, weightFile} from './folders';
import {Deadline} from './gateway';
import {Importer} from './importer';

/** What a server says of a file's version: enough to know that it is unchanged, or nothing. */
interface Validator {
  path: string;
  etag: string;
  modified: string;
  length: string;
}
interface Remembered {
  cid: string;
  files: Validator[];
}

class UrlFiles {
  constructor(readonly base: string, readonly stallTimeout: number, readonly signal: AbortSignal | undefined) {}

  /** The file's response, or undefined when the server has none. A page sent instead of a missing file counts as none. */
  async request(path: string, method: 'GET' | 'HEAD', deadline: Deadline): Promise<Response | undefined> {
    const url = new URL(path, this.base).href;
    const response = await fetch(url, {method, signal: deadline.controller.signal}).catch((error: unknown) => this.#failed(url, deadline, error));
    const isPage = response.headers.get('content-type')?.startsWith('text/html') === true;
    if (response.ok && !isPage) return response;
    await response.body?.cancel();
    if (response.ok || response.status === 404 || response.status === 410) return undefined;
    return fail('source_error', `${url} answered ${response.status}`);
  }

  /** Hands the file's bytes on as they come; false when there is no such file. */
  async read(path: string, take: (chunks: AsyncIterable<Uint8Array>) => Promise<void>): Promise<Validator | undefined> {
    const deadline = new Deadline(this.stallTimeout, this.signal, Infinity);
    try {
      const response = await this.request(path, 'GET', deadline);
      if (!response) return undefined;
      await take(this.#chunks(response, deadline));
      return validatorOf(path, response);
    } finally {
      deadline.end();
    }
  }

  async validator(path: string): Promise<Validator | undefined> {
    const deadline = new Deadline(this.stallTimeout, this.signal, Infinity);
    try {
      const response = await this.request(path, 'HEAD', deadline);
      return response && validatorOf(path, response);
    } finally {
      deadline.end();
    }
  }

  async* #chunks(response: Response, deadline: Deadline): AsyncIterable<Uint8Array> {
    const reader = response.body!.getReader();
    for (;;) {
      const {done, value} = await reader.read().catch((error: unknown) => this.#failed(response.url, deadline, error));
      if (done) return;
      deadline.alive();
      yield value;
    }
  }

  #failed(url: string, deadline: Deadline, error: unknown): never {
    checkAborted(this.signal);
    if (deadline.timedOut) fail('timeout', `${url} stopped sending for ${this.stallTimeout} ms`, error);
    return fail('unreachable', `${url} cannot be reached: ${String(error)}`, error);
  }
}

function validatorOf(path: string, {headers}: Response): Validator {
  return {path, etag: headers.get('etag') ?? '', modified: headers.get('last-modified') ?? '', length: headers.get('content-length') ?? ''};
}

/** The folder with exactly the files that a model needs, below `url`. */
export async function openUrlFolder(blocks: Blocks, url: string, signal?: AbortSignal): Promise<ModelFolder> {
  const base = url.endsWith('/') ? url : `${url}/`;
  const files = new UrlFiles(base, blocks.stallTimeout, signal);
  return (await openRemembered(blocks, files)) ?? importUrl(blocks, files);
}

async function memoryKey(base: string): Promise<string> {
  const bytes = new TextEncoder().encode(base);
  if (!globalThis.crypto?.subtle) return '';
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `url-${[...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** The folder as it was imported before, when the server says that every file is the same and the cache has every block. */
async function openRemembered(blocks: Blocks, files: UrlFiles): Promise<ModelFolder | undefined> {
  const key = await memoryKey(files.base);
  const bytes = key && (await blocks.cache.get(key));
  if (!bytes) return undefined;
  try {
    const {cid, files: known} = JSON.parse(new TextDecoder().decode(bytes)) as Remembered;
    const current = await Promise.all(known.map(({path}) => files.validator(path)));
    if (!known.every((old, i) => isSame(old, current[i]))) return undefined;
    const folder = new ModelFolder(blocks, parseCid(blocks.native, cid), 'url');
    for (const {path} of known) if (!(await (await folder.file(path, files.signal))?.isKept())) return undefined;
    return folder;
  } catch (error) {
    if (error instanceof IpfsAccelerateError && error.code === 'cancelled') throw error;
    return undefined; // whatever is wrong with what is remembered, the files themselves are still there
  }
}

function isSame(old: Validator, now: Validator | undefined): boolean {
  return now !== undefined && (old.etag !== '' || old.modified !== '') && old.etag === now.etag && old.modified === now.modified && old.length === now.length;
}

async function importUrl(blocks: Blocks, files: UrlFiles): Promise<ModelFolder> {
  const importer = new Importer(blocks.native);
  const keep = (cid: Cid, bytes: Uint8Array<ArrayBuffer>) => blocks.importBlock(cid, bytes);
  const read: Validator[] = [];
  const take = async (path: string): Promise<boolean> => {
    const validator = await files.read(path, (chunks) => importer.add(path, chunks, keep));
    if (validator) read.push(validator);
    return validator !== undefined;
  };
  const wanted = blocks.native.call<string[]>('ia_wanted_files', []);
  for (const path of wanted) await take(path);
  if (read.length === 0) fail('not_found', `${files.base} has none of a model's files (${wanted.slice(0, 3).join(', ')} ...)`);
  if (!(await take(weightFile))) await takeShards(blocks, files, importer, take);
  const cid = await importer.finish(keep);
  const key = await memoryKey(files.base);
  const remembered: Remembered = {cid: cid.text, files: read};
  if (key && !blocks.figures.quota_exceeded) await blocks.cache.put(key, new TextEncoder().encode(JSON.stringify(remembered))).catch(() => undefined);
  return new ModelFolder(blocks, cid, 'url');
}

async function takeShards(blocks: Blocks, files: UrlFiles, importer: Importer, take: (path: string) => Promise<boolean>): Promise<void> {
  const parts: Uint8Array[] = [];
  const collect = async (chunks: AsyncIterable<Uint8Array>) => { for await (const chunk of chunks) parts.push(chunk); };
  if (!(await files.read(shardIndex, collect))) return;
  const text = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  await importer.add(shardIndex, (async function* () { yield text; })(), (cid, bytes) => blocks.importBlock(cid, bytes));
  for (const shard of blocks.native.call<string[]>('ia_sharded_files', [], text)) await take(shard);
}
