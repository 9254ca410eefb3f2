// pipeline(): a task as a function, with the names and events of transformers.js.
import type {AnswerKind, AnswerTypes, Label} from './answers';
import type {Config} from './config';
import {readContents, type Given, type Picture} from './contents';
import type {Content, Input, ModelName} from './engine';
import {fail} from './errors';
import type {ProgressCallback, ProgressEvent} from './progress';
import type {Result, ResultOf} from './result';
import {engineClient, modelRequest} from './runtime';
import {streamed} from './stream';
import {Tensor} from './tensor';

/** `top_k`, on which an answer's form depends, is given to the call. */
export interface PipelineOptions extends Omit<Config, 'task' | 'platform' | 'precision' | 'top_k'> {
  /** `wasm` and `cpu` are the same. */
  device?: 'auto' | 'webgpu' | 'webnn' | 'wasm' | 'cpu';
  dtype?: 'fp32' | 'fp16';
  progress_callback?: ProgressCallback;
  signal?: AbortSignal;
}

export type RunOptions = Pick<PipelineOptions, 'signal'>;

interface Disposable<Kind extends AnswerKind> {
  readonly task: string;
  readonly cid: string;
  /** What the last run says of itself. */
  readonly last_result: ResultOf<Kind> | undefined;
  dispose(): Promise<void>;
}
/** A picture, or an object with one. */
type Image = Picture | Extract<Given, {image: unknown}>;
type Ranked = RunOptions & Pick<Config, 'top_k'>;
type Embed<Item> = ((
  items: Item | Item[],
  options?: RunOptions & Pick<Config, 'pooling' | 'normalize'>,
) => Promise<Tensor>) &
  Disposable<'embedding'>;
/** Embeddings [texts, hidden]. */
export type FeatureExtraction = Embed<Input>;
/** Embeddings [pictures, hidden]. */
export type ImageFeatureExtraction = Embed<Image>;
/** The best words for the mask, or for each of several; a list of that for several texts. */
export interface FillMask extends Disposable<'mask_fills'> {
  (text: Input, options?: Ranked): Promise<AnswerTypes['mask_fills']>;
  (texts: Input[], options?: Ranked): Promise<AnswerTypes['mask_fills'][]>;
}
/** The best label of each text; with top_k above 1 the best ones, and a list of that for several texts. */
export interface TextClassification extends Disposable<'labels'> {
  (texts: Content, options?: RunOptions & {top_k?: 1}): Promise<Label[]>;
  (text: Input, options: Ranked): Promise<Label[]>;
  <K extends number>(
    texts: Input[],
    options: RunOptions & {top_k: K},
  ): Promise<number extends K ? Label[] | Label[][] : Label[][]>;
}
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
export interface TextGeneration extends Disposable<'generated_text'>, Streams {
  (prompt: Input, options?: GenerationOptions): Promise<GeneratedText[]>;
  (prompts: Input[], options?: GenerationOptions): Promise<GeneratedText[][]>;
  (prompts: Content, options?: GenerationOptions): Promise<GeneratedText[] | GeneratedText[][]>;
}
/** The answer to each text. */
export interface Text2TextGeneration extends Disposable<'generated_text'>, Streams {
  (texts: Content, options?: GenerationOptions): Promise<GeneratedText[]>;
}
/** The best labels of each picture (5, or top_k); one list for a single picture, a list of lists for several. */
export interface ImageClassification extends Disposable<'labels'> {
  (picture: Image, options?: Ranked): Promise<Label[]>;
  (pictures: Image[], options?: Ranked): Promise<Label[][]>;
}
interface Tasks {
  'feature-extraction': FeatureExtraction;
  'fill-mask': FillMask;
  'text-classification': TextClassification;
  'text-generation': TextGeneration;
  'text2text-generation': Text2TextGeneration;
  'image-classification': ImageClassification;
  'image-feature-extraction': ImageFeatureExtraction;
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
    return dims ? new Tensor(Float32Array.from(result.output.flat()), dims) : answer;
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
