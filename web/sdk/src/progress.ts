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
