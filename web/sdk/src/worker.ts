// The engine's dedicated worker: calls in, answers, progress and errors out.
import {Engine} from './engine';
import {asError} from './errors';
import type {FromWorker, ToWorker} from './messages';
import {starting} from './program';
import type {ProgressEvent} from './progress';

interface WorkerScope {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const running = new Map<number, AbortController>();
const flagged = new Map<number, () => void>();
let engine = new Engine();
starting.tell = (threads) => scope.postMessage({kind: 'starting', threads});

async function call({id, method, request, blobs}: ToWorker & {kind: 'call'}): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const value = await engine.call(method, request, {
      signal: controller.signal,
      blobs,
      progress: (event: ProgressEvent) => scope.postMessage({kind: 'progress', id, event}),
      started: (memory, address, forget) => {
        flagged.set(id, forget);
        scope.postMessage({kind: 'started', id, memory, address});
      },
    });
    scope.postMessage({kind: 'answer', id, value});
  } catch (error) {
    const {code, message} = asError(error);
    scope.postMessage({kind: 'error', id, code, message});
  } finally {
    running.delete(id);
  }
}

scope.addEventListener('message', ({data}) => {
  if (data.kind === 'start') engine = new Engine({folder: data.folder});
  else if (data.kind === 'abort') running.get(data.id)?.abort();
  else if (data.kind === 'call') void call(data);
  else {
    flagged.get(data.id)?.();
    flagged.delete(data.id);
  }
});
