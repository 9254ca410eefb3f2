// Progress events, in the shape of transformers.js, with what is known beyond it.

export interface ProgressEvent {
  /** initiate, download, progress and done are about one file; ready about the whole model; text about an answer. */
  status: 'initiate' | 'download' | 'progress' | 'done' | 'ready' | 'text';
  /** The model; not with text. */
  name?: string;
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
  /** Of a text that is generated: the input's number, the last token, what came since, and whether nothing more comes. */
  item?: number;
  token?: number;
  text?: string;
  end?: boolean;
}

export type ProgressCallback = (event: ProgressEvent) => void;
