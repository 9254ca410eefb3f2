// Progress events, in the shape of transformers.js, with what is known beyond it.

export interface ProgressEvent {
  /** initiate, download, progress and done are about one file; ready about the whole model. */
  status: 'initiate' | 'download' | 'progress' | 'done' | 'ready';
  /** The model. */
  name: string;
  file?: string;
  /** Bytes of the file so far, all verified, and in all. */
  loaded?: number;
  total?: number;
  /** 0 to 100. */
  progress?: number;
  /** Where the bytes come from. */
  source?: string;
  task?: string;
  model?: string;
}

export type ProgressCallback = (event: ProgressEvent) => void;

/** Reports one file's bytes as they are verified. */
export class FileProgress {
  #loaded = 0;
  constructor(readonly callback: ProgressCallback, readonly name: string, readonly file: string, readonly total: number, readonly source: string) {
    this.callback({status: 'initiate', name, file});
    this.callback({status: 'download', name, file, total, source});
  }

  add(bytes: number): void {
    this.#loaded += bytes;
    const progress = this.total > 0 ? (100 * this.#loaded) / this.total : 100;
    this.callback({status: 'progress', name: this.name, file: this.file, loaded: this.#loaded, total: this.total, progress, source: this.source});
  }

  done(): void {
    this.callback({status: 'done', name: this.name, file: this.file, loaded: this.#loaded, total: this.total, source: this.source});
  }
}
