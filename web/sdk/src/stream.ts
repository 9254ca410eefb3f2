// Stream: the text of one call as an async iterator.
import {IpfsAccelerateError} from './errors';
import type {ProgressCallback} from './progress';

/**
 * Begins the call when it is first asked for a piece. Leaving the loop, or `signal`, stops the call; `signal` then gives
 * `cancelled`.
 */
export async function* streamed(
  begin: (tell: ProgressCallback, signal: AbortSignal) => Promise<unknown>,
  signal?: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const pieces: string[] = [];
  let began = false,
    over = false,
    wake = () => {};
  const own = new AbortController();
  const tell: ProgressCallback = ({status, text}) => {
    // What was given cannot be taken back.
    if (status === 'ready' && began)
      throw new IpfsAccelerateError('device_lost', 'the device failed in the middle of the text; call again');
    if (status !== 'text' || !text || own.signal.aborted) return;
    began = true;
    pieces.push(text);
    wake();
  };
  const stop = () => {
    own.abort();
    pieces.length = 0;
  };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  const call = begin(tell, own.signal).finally(() => {
    over = true;
    wake();
  });
  const ended = call.catch(() => undefined);
  try {
    while (!over || pieces.length > 0) {
      if (pieces.length > 0) yield pieces.shift()!;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    await call;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    await ended; // nobody works for it any more
  }
}
