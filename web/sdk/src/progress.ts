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

/** What the engine says of one file, or of the model when it is ready, as a ProgressEvent. */
export function progressEvent(name: string, event: Omit<ProgressEvent, 'name' | 'progress' | 'model'>): ProgressEvent {
  if (event.status === 'ready') return {...event, name, model: name};
  if (event.status !== 'progress') return {...event, name};
  return {...event, name, progress: event.total ? (100 * event.loaded!) / event.total : 100};
}
