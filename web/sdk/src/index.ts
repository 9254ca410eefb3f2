// ipfs_accelerate_js: run AI models named by IPFS CIDs on WebGPU, WebNN and the CPU, in pages and in Node.
import {resolveConfig, type Config} from './config';
import type {DeviceReport} from './detect';
import {textItems, type Content} from './inputs';
import type {ModelName} from './modelSpec';
import type {ComputedTensor, EncodedItem} from './model';
import type {ProgressCallback} from './progress';
import type {Result} from './result';
import {closeEngine, engineClient, modelRequest} from './runtime';

export {IpfsAccelerateError, type ErrorCode} from './errors';
export {pipeline, type PipelineOptions, type FeatureExtraction, type FillMask, type TextClassification} from './pipeline';
export type {AdapterFacts, Capabilities} from './gpuDevice';
export type {ComputedTensor, Config, Content, DeviceReport, EncodedItem, ModelName, ProgressCallback, Result};
export type {Input} from './inputs';
export type {ProgressEvent} from './progress';
export {Tensor} from './tensor';

export {env} from './runtime';

export interface CallOptions {
  progress_callback?: ProgressCallback;
  signal?: AbortSignal;
}

/** Runs `model` on `content` (a text, a pair, or a list); the model stays loaded for the next call. */
export async function accelerate(
    model: ModelName, content: Content, config: Config & CallOptions = {}): Promise<Result> {
  const {progress_callback: progress, signal, ...rest} = config;
  return engineClient().call('run', [modelRequest(model, rest), textItems(content)], {progress, signal});
}

/** What will run where, and which bytes it needs; no weight is read. */
export async function explain(model: ModelName, content: Content | undefined, config: Config & CallOptions = {}): Promise<unknown> {
  const {progress_callback: _, signal, ...rest} = config;
  return engineClient().call('explain', [modelRequest(model, rest), content === undefined ? [] : textItems(content)], {signal});
}

/** Adapters, WebNN contexts, SIMD level and threads of this page, and the choice `auto` makes. */
export async function detect(): Promise<DeviceReport> {
  return engineClient().call('detect', []);
}

/** The blocks kept for the next visit. */
export const cache = {
  async stat(config: Config = {}): Promise<{kind: string; blocks: number; bytes: number}> {
    return engineClient().call('cacheStat', [resolveConfig(config)]);
  },
  async clear(config: Config = {}): Promise<void> {
    await engineClient().call('clearCache', [resolveConfig(config)]);
  },
};

/** Every output of a model for token ids, layer by layer where asked for: for tests against recorded values. */
export async function evaluate(
    model: ModelName, request: {encodings?: EncodedItem[]; texts?: Content; hidden_states?: boolean; all_tokens?: boolean},
    config: Config = {}): Promise<{outputs: ComputedTensor[]; ids: number[][]; segments: Result['segments']}> {
  const full = {...modelRequest(model, config), hiddenStates: request.hidden_states ?? false, allTokens: request.all_tokens ?? false};
  const texts = request.texts === undefined ? [] : textItems(request.texts);
  return engineClient().call('evaluate', [full, request.encodings ?? [], texts]);
}

/** Frees a model, and with no argument the whole engine and its worker. */
export async function dispose(model?: ModelName, config: Config = {}): Promise<void> {
  if (model !== undefined) {
    await engineClient().call('unload', [modelRequest(model, config)]);
    return;
  }
  closeEngine();
}
