// pipeline(): a task as a function, with the names and events of transformers.js.
import type {Config} from './config';
import {readContents, type Given, type Picture} from './contents';
import type {Content, Input, ModelName} from './engine';
import {fail} from './errors';
import type {ProgressCallback, ProgressEvent} from './progress';
import type {Result} from './result';
import {engineClient, modelRequest} from './runtime';
import {streamed} from './stream';
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
/** Called with each piece of text as it comes; `event` says of which input (`item`), and whether it ended. */
export type TextCallback = (text: string, event: ProgressEvent) => void;
export interface GenerationOptions
  extends RunOptions, Pick<Config, 'max_new_tokens' | 'stop_token_ids' | 'return_full_text'> {
  callback_function?: TextCallback;
  /** Its callback_function is called, as TextStreamer of transformers.js has it. */
  streamer?: {callback_function?: TextCallback | null};
}
export interface GeneratedText {
  generated_text: string;
}
interface Streams {
  /** The new text of one input, piece by piece as it comes. Leaving the loop stops the generation. */
  stream(text: Input, options?: GenerationOptions): AsyncGenerator<string, void, undefined>;
}
/** How a prompt goes on, the prompt included; one list for a single prompt, a list of lists for several. */
export type TextGeneration = ((
  prompts: Content,
  options?: GenerationOptions,
) => Promise<GeneratedText[] | GeneratedText[][]>) &
  Disposable &
  Streams;
/** The answer to each text. */
export type Text2TextGeneration = ((texts: Content, options?: GenerationOptions) => Promise<GeneratedText[]>) &
  Disposable &
  Streams;
/** The best labels of each picture (5, or top_k); one list for a single picture, a list of lists for several. */
export type ImageClassification = TaskFunction<'top_k', Label[] | Label[][], Given | Picture | (Given | Picture)[]>;
interface Tasks {
  'feature-extraction': FeatureExtraction;
  'fill-mask': FillMask;
  'text-classification': TextClassification;
  'text-generation': TextGeneration;
  'text2text-generation': Text2TextGeneration;
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
    options: GenerationOptions & Config = {},
    told?: ProgressCallback,
  ): Promise<unknown> => {
    const {signal: runSignal, streamer, callback_function: tell = streamer?.callback_function, ...given} = options;
    const inputs = await readContents(items, pictures, runSignal);
    const request = {...modelRequest(model, {...rest, task, ...given}), inputs};
    const heard = (event: ProgressEvent) => {
      if (event.status === 'text') tell?.(event.text!, event);
      told?.(event);
    };
    const {result, dims, answer} = await engineClient().call('pipeline', request, {signal: runSignal, progress: heard});
    last = result;
    return dims ? new Tensor(Float32Array.from((result.output as number[][]).flat()), dims) : answer;
  };
  const stream = (text: Input, options: GenerationOptions = {}) => {
    if (Array.isArray(text)) fail('invalid_argument', 'one text is streamed at a time; a list was given');
    return streamed((progress, own) => run(text, {...options, signal: own}, progress), options.signal);
  };
  return Object.defineProperties(run, {
    stream: {value: stream},
    task: {value: loaded.task},
    cid: {value: loaded.cid},
    last_result: {get: () => last},
    dispose: {value: () => engineClient().call('unload', load)},
  }) as unknown as Tasks[T];
}
