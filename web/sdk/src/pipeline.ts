// pipeline(): a task as a function, with the names and events of transformers.js.
import type {Config} from './config';
import {fail} from './errors';
import type {Content} from './engine';
import type {ModelName} from './modelName';
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

export interface RunOptions {
  signal?: AbortSignal;
}

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
type TaskFunction<Options extends keyof Config, Answer> = ((
  texts: Content,
  options?: RunOptions & Pick<Config, Options>,
) => Promise<Answer>) &
  Disposable;
/** Embeddings [texts, hidden]. */
export type FeatureExtraction = TaskFunction<'pooling' | 'normalize', Tensor>;
/** The best words for each mask; one list for a single text, a list of lists for several. */
export type FillMask = TaskFunction<'top_k', FillMaskAnswer[] | FillMaskAnswer[][]>;
/** The best label of each text; with top_k above 1, the best ones. */
export type TextClassification = TaskFunction<'top_k', Label[] | Label[][]>;
interface Tasks {
  'feature-extraction': FeatureExtraction;
  'fill-mask': FillMask;
  'text-classification': TextClassification;
}

const precisions: Record<string, 16 | 32> = {fp32: 32, fp16: 16};

export async function pipeline<T extends keyof Tasks>(
  task: T,
  model: ModelName,
  options: PipelineOptions = {},
): Promise<Tasks[T]> {
  const {device = 'auto', dtype = 'fp32', progress_callback: progress, signal, ...rest} = options;
  const precision =
    precisions[dtype] ?? fail('unsupported_precision', `dtype '${String(dtype)}' is not available; fp32 and fp16 are`);
  const config: Config = {...rest, task, platform: device, precision};
  const loaded = await engineClient().call('load', modelRequest(model, config), {progress, signal});
  let last: Result | undefined;
  const run = async (texts: Content, {signal: runSignal, ...given}: RunOptions & Config = {}): Promise<unknown> => {
    const settings: Config = {...config, ...given};
    if (task === 'text-classification' && given.top_k === undefined) settings.top_k = config.top_k ?? 1;
    const request = {...modelRequest(model, settings), inputs: texts};
    last = await engineClient().call('run', request, {signal: runSignal});
    return shapeAnswer(task, last.output, Array.isArray(texts), settings.top_k ?? 1);
  };
  return Object.defineProperties(run, {
    task: {value: loaded.task},
    cid: {value: loaded.cid},
    last_result: {get: () => last},
    dispose: {value: () => engineClient().call('unload', modelRequest(model, config))},
  }) as unknown as Tasks[T];
}

/** As transformers.js gives it: a tensor for embeddings; no outer list for a single text. */
function shapeAnswer(task: string, output: unknown[], several: boolean, topK: number): unknown {
  if (task === 'feature-extraction') return embeddings(output as number[][]);
  if (task === 'text-classification' && topK === 1) return output.map((labels) => (labels as Label[])[0]);
  return several ? output : output[0];
}

function embeddings(rows: number[][]): Tensor {
  const hidden = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * hidden);
  rows.forEach((row, i) => data.set(row, i * hidden));
  return new Tensor(data, [rows.length, hidden]);
}
