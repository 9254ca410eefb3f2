// Gateway: one block from a trustless gateway, with limits on size, silence and time. The caller verifies it.
import {IpfsAccelerateError, checkAborted, fail} from '../errors';
import {maxBlockBytes, type Cid} from './cid';

export interface GatewayOptions {
  /** Milliseconds without a byte after which a gateway counts as stalled. */
  stallTimeout: number;
}

/** A gateway may be slow, but not without end: this many stall timeouts for one block. */
const slowness = 10;

/** Aborts with the caller, after silence, or after too long in all. */
export class Deadline {
  readonly controller = new AbortController();
  timedOut = false;
  #silence: ReturnType<typeof setTimeout> | undefined;
  readonly #whole: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = () => this.controller.abort();

  constructor(readonly stall: number, readonly signal: AbortSignal | undefined, whole = stall * slowness) {
    signal?.addEventListener('abort', this.#stop);
    if (signal?.aborted) this.#stop();
    if (Number.isFinite(whole)) this.#whole = setTimeout(() => this.#expire(), whole);
    this.alive();
  }

  alive(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#expire(), this.stall);
  }

  end(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#whole);
    this.signal?.removeEventListener('abort', this.#stop);
  }

  #expire(): void {
    this.timedOut = true;
    this.controller.abort();
  }
}

export async function fetchBlock(
    gateway: string, cid: Cid, options: GatewayOptions, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  checkAborted(signal);
  const deadline = new Deadline(options.stallTimeout, signal);
  const url = `${gateway.replace(/\/+$/, '')}/ipfs/${cid.text}?format=raw`;
  try {
    const response = await fetch(url, {
      headers: {Accept: 'application/vnd.ipld.raw'},
      signal: deadline.controller.signal,
      credentials: 'omit',
      cache: 'no-store', // blocks have a cache of their own; keeping them twice would halve the room
    });
    if (!response.ok) {
      await response.body?.cancel();
      const code = response.status === 404 || response.status === 410 ? 'not_found' : response.status === 429 ? 'too_many_requests' : 'source_error';
      fail(code, `${url} answered ${response.status}`);
    }
    return await readLimited(response, cid, url, deadline);
  } catch (error) {
    if (error instanceof IpfsAccelerateError) throw error;
    checkAborted(signal);
    if (deadline.timedOut) fail('timeout', `${url} stopped sending for ${options.stallTimeout} ms`, error);
    return fail('unreachable', `${url} cannot be reached: ${String(error)}`, error);
  } finally {
    deadline.end();
  }
}

async function readLimited(response: Response, cid: Cid, url: string, deadline: Deadline): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body!.getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    deadline.alive();
    size += value.byteLength;
    if (size > maxBlockBytes) {
      await reader.cancel();
      fail('source_lied', `${url} sent more than ${maxBlockBytes} bytes for the block ${cid.text}`);
    }
    chunks.push(value);
  }
  return concat(chunks, size);
}

export function concat(chunks: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
