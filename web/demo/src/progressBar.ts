// Progress while a model loads: bytes that were verified, of all files together.
import type {ProgressEvent} from 'ipfs_accelerate_js';
import {byId} from './elements';
import {byteCount} from './format';

export class ProgressBar {
  readonly #files = new Map<string, {loaded: number; total: number}>();
  readonly #bar = byId<HTMLProgressElement>('bar');

  start(): void {
    this.#files.clear();
    this.#bar.removeAttribute('value');
    byId('progress-text').textContent = 'Reading the model’s configuration';
    byId('progress').hidden = false;
  }

  readonly update = (event: ProgressEvent): void => {
    if (event.status === 'ready') {
      this.#bar.removeAttribute('value');
      byId('progress-text').textContent = 'Computing';
    }
    if (event.file === undefined || event.loaded === undefined || !event.total) return;
    this.#files.set(event.file, {loaded: event.loaded, total: event.total});
    const sum = (key: 'loaded' | 'total') => [...this.#files.values()].reduce((all, file) => all + file[key], 0);
    this.#bar.max = sum('total');
    this.#bar.value = sum('loaded');
    byId('progress-text').textContent =
      `${byteCount(sum('loaded'))} of ${byteCount(sum('total'))} verified, from ${event.source === 'cache' ? 'the cache' : 'the network'}`;
  };

  end(): void {
    byId('progress').hidden = true;
  }
}
