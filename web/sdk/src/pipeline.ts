// pipeline(): a task as a function, with the names and events of transformers.js.
import type {Config} from './config';
import {readContents, type Given, type Picture} from './contents';
import type {Content, ModelName} from './engine';
import type {ProgressCallback} from './progress';
import type {Result} from './result';
import {engineClient, modelRequest} from './runtime';
import {Tensor} from './tensor';

export interface PipelineOptions extends Omit<Config, 'task' | 'platform' | 'precision'> {
  /** `wasm` and `cpu` are the same. */
  device?: 'auto' | 'webgpu' | 'webnn' | 'wasm' | 'cpu';
  dtype?: 'fp32' | 'fp16';
  progress_callback?: ProgressCallback;
  signal?: AbortSignal;
}

export type RunOptions = Pick<PipelineOptions, 'signal'>;

interface Disposable {
  readonly task: string;
  readonly cid: string;
  /** What the last run says of itself. */
  readonly last_result: Result | undefined;
  dispose(): Promise<void>;
}
export interface FillMaskAnswer {
  score: number;
  token: number;
  token_str: string;
  sequence: string;
}
export interface Label {
  label: string;
  score: number;
}
type TaskFunction<Options extends keyof Config, Answer, Items = Content> = ((
  texts: Items,
  options?: RunOptions & Pick<Config, Options>,
) => Promise<Answer>) &
  Disposable;
/** Embeddings [texts, hidden]. */
export type FeatureExtraction = TaskFunction<'pooling' | 'normalize', Tensor>;
/** The best words for each mask; one list for a single text, a list of lists for several. */
export type FillMask = TaskFunction<'top_k', FillMaskAnswer[] | FillMaskAnswer[][]>;
/** The best label of each text; with top_k above 1, the best ones. */
export type TextClassification = TaskFunction<'top_k', Label[] | Label[][]>;
/** The best labels of each picture (5, or top_k); one list for a single picture, a list of lists for several. */
export type ImageClassification = TaskFunction<'top_k', Label[] | Label[][], Given | Picture | (Given | Picture)[]>;
interface Tasks {
  'feature-extraction': FeatureExtraction;
  'fill-mask': FillMask;
  'text-classification': TextClassification;
  'image-classification': ImageClassification;
}

export async function pipeline<T extends keyof Tasks>(
  task: T,
  model: ModelName,
  options: PipelineOptions = {},
): Promise<Tasks[T]> {
  const {progress_callback: progress, signal, ...rest} = options;
  const load = modelRequest(model, {...rest, task});
  const loaded = await engineClient().call('load', load, {progress, signal});
  const pictures = loaded.takes.includes('image') && !loaded.takes.includes('text');
  let last: Result | undefined;
  const run = async (
    items: Given | Picture | (Given | Picture)[],
    {signal: runSignal, ...given}: RunOptions & Config = {},
  ): Promise<unknown> => {
    const inputs = await readContents(items, pictures, runSignal);
    const request = {...modelRequest(model, {...rest, task, ...given}), inputs};
    const {result, dims, answer} = await engineClient().call('pipeline', request, {signal: runSignal});
    last = result;
    return dims ? new Tensor(Float32Array.from((result.output as number[][]).flat()), dims) : answer;
  };
  return Object.defineProperties(run, {
    task: {value: loaded.task},
    cid: {value: loaded.cid},
    last_result: {get: () => last},
    dispose: {value: () => engineClient().call('unload', load)},
  }) as unknown as Tasks[T];
}
