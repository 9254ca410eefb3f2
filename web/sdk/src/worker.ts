// The engine's dedicated worker: calls in, answers, progress and errors out.
import {Engine} from './engine';
import {asError} from './errors';
import type {FromWorker, Method, ToWorker} from './messages';
import type {ProgressEvent} from './progress';

interface WorkerScope {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const running = new Map<number, AbortController>();
let engine = new Engine();

async function call(id: number, method: Method, args: unknown[]): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const progress = (event: ProgressEvent) => scope.postMessage({kind: 'progress', id, event});
  try {
    const extra = method === 'run' || method === 'load' ? [progress, controller.signal] : method === 'explain' ? [controller.signal] : [];
    const value = await (engine[method] as (...all: unknown[]) => Promise<unknown>).call(engine, ...args, ...extra);
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
  else void call(data.id, data.method, data.args);
});
