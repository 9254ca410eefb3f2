// Net: one fetch with limits on size, silence and time. What the bytes are worth is decided elsewhere.
import type {PortRequest, Ports} from '../border';
import {IpfsAccelerateError, checkAborted, fail} from '../errors';
import type {ByteTable} from './byteTable';

/** Aborts with the caller, after silence, or after too long in all. */
class Deadline {
  readonly controller = new AbortController();
  problem = '';
  #silence: ReturnType<typeof setTimeout> | undefined;
  readonly #whole: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = () => this.controller.abort();

  constructor(
    readonly stall: number,
    total: number,
    readonly signal: AbortSignal,
  ) {
    signal.addEventListener('abort', this.#stop);
    if (total > 0) this.#whole = setTimeout(() => this.#expire(`took longer than ${total} s`), total * 1000);
    this.alive();
  }

  alive(): void {
    clearTimeout(this.#silence);
    if (this.stall > 0)
      this.#silence = setTimeout(() => this.#expire(`stopped sending for ${this.stall} s`), this.stall * 1000);
  }

  end(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#whole);
    this.signal.removeEventListener('abort', this.#stop);
  }

  #expire(problem: string): void {
    this.problem = problem;
    this.controller.abort();
  }
}

async function readLimited(
  response: Response,
  url: string,
  limits: {stated: number; unstated: number},
  deadline: Deadline,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const length = response.headers.get('content-length');
  const limit = (length === null && limits.unstated) || limits.stated;
  const reader = response.body?.getReader();
  const check = (size: number) => {
    if (limit === 0 || size <= limit) return;
    void reader?.cancel().catch(() => undefined);
    fail('limit_exceeded', `${url} sends more than ${limit} bytes`);
  };
  check(Number(length));
  for (let size = 0; ;) {
    const {done, value} = (await reader?.read()) ?? {done: true, value: undefined};
    if (done) break;
    deadline.alive();
    check((size += value.byteLength));
    chunks.push(value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function get({numbers, text, signal}: PortRequest): Promise<{status: number; body: Uint8Array<ArrayBuffer>}> {
  const [stated = 0, stall = 0, total = 0, follow, revalidate, unstated = 0] = numbers;
  const [url, accept] = text.split('\n') as [string, string];
  const deadline = new Deadline(stall, total, signal);
  try {
    const response = await fetch(url, {
      ...(accept ? {headers: {Accept: accept}} : {}),
      signal: deadline.controller.signal,
      credentials: 'omit',
      // Blocks have a cache of their own: keeping them twice would halve the room.
      cache: revalidate ? 'no-cache' : 'no-store',
      redirect: follow ? 'follow' : 'manual',
    });
    // A page is not told which redirect it was.
    if (response.type === 'opaqueredirect') return {status: 302, body: new Uint8Array()};
    return {status: response.status, body: await readLimited(response, url, {stated, unstated}, deadline)};
  } catch (error) {
    if (error instanceof IpfsAccelerateError) throw error;
    checkAborted(signal);
    if (deadline.problem) fail('timeout', `${url} ${deadline.problem}`, error);
    return fail('unreachable', `${url} cannot be reached: ${String(error)}`, error);
  } finally {
    deadline.end();
  }
}

export function netPort(table: ByteTable): Ports['requests'] {
  return {
    fetch: async (request) => {
      const {status, body} = await get(request);
      return {numbers: [status, ...table.add(body)]};
    },
  };
}
