// ipfs_accelerate_js: run AI models named by IPFS CIDs on WebGPU, WebNN and the CPU, in pages and in Node.
import type {AnswerKind, AnswerTypes, Label, MaskFill, TextAnswer} from './answers';
import type {Config} from './config';
import {readContents, type Given, type Picture} from './contents';
import type {DeviceReport} from './detect';
import type {Content, EncodedItem, EngineRequest, Input, ModelName} from './engine';
import type {ProgressCallback, ProgressEvent} from './progress';
import type {Result, ResultOf} from './result';
import {closeEngine, engineClient, modelRequest} from './runtime';

export interface ComputedTensor {
  name: string;
  dtype: 'F32' | 'I32';
  shape: number[];
  values: Float32Array | Int32Array;
}

export {IpfsAccelerateError, type ErrorCode} from './errors';
export * from './pipeline';
export type {AnswerKind, Config, Content, DeviceReport, EncodedItem, Input, ModelName, ProgressCallback, ProgressEvent};
export type {AnswerTypes, Given, Label, MaskFill, Picture, Result, ResultOf, TextAnswer};
export {Tensor} from './tensor';
export {env} from './runtime';

export interface CallOptions {
  progress_callback?: ProgressCallback;
  signal?: AbortSignal;
}

/** Runs `model` on `content` (a text, a pair, `{image}`, or a list); the model stays loaded for the next call. */
export async function accelerate(
  model: ModelName,
  content: Given | Given[],
  config: Config & CallOptions = {},
): Promise<Result> {
  const {progress_callback: progress, signal, ...rest} = config;
  const inputs = await readContents(content, false, signal);
  return engineClient().call('run', {...modelRequest(model, rest), inputs}, {progress, signal});
}

/** What will run where, and which bytes it needs; no weight is read. */
export async function explain(
  model: ModelName,
  content: Content | undefined,
  config: Config & CallOptions = {},
): Promise<unknown> {
  const {progress_callback: _, signal, ...rest} = config;
  return engineClient().call('explain', {...modelRequest(model, rest), inputs: content ?? []}, {signal});
}

/** Adapters, WebNN contexts, SIMD level and threads of this page, and the choice `auto` makes. */
export async function detect(): Promise<DeviceReport> {
  return engineClient().call('devices', {config: {}});
}

/** The blocks kept for the next visit. */
export const cache = {
  stat: (config: Config = {}) => engineClient().call('cacheStat', {config}),
  async clear(config: Config = {}): Promise<void> {
    await engineClient().call('clearCache', {config});
  },
};

/** Every output of a model for token ids or for its inputs, layer by layer where asked for: for tests against recorded values. */
export async function evaluate(
  model: ModelName,
  request: {texts?: Content} & Pick<EngineRequest, 'encodings' | 'tensors' | 'hidden_states' | 'all_tokens'>,
  config: Config = {},
): Promise<{outputs: ComputedTensor[]; ids: number[][]; segments: Result['segments']}> {
  const {texts = [], ...given} = request;
  const answer = await engineClient().call('evaluate', {...modelRequest(model, config), ...given, inputs: texts});
  const numbers = (dtype: ComputedTensor['dtype'], text: string) => {
    const {buffer} = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return dtype === 'I32' ? new Int32Array(buffer) : new Float32Array(buffer);
  };
  return {
    ...answer,
    outputs: answer.outputs.map((output) => ({...output, values: numbers(output.dtype, output.values)})),
  };
}

/** Frees a model, and with no argument the whole engine and its worker. */
export async function dispose(model?: ModelName, config: Config = {}): Promise<void> {
  if (model === undefined) closeEngine();
  else await engineClient().call('unload', modelRequest(model, config));
}
