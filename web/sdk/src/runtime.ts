// The package's settings, the one engine behind its functions, and requests to it.
import {openClient, type Client} from './client';
import type {Config} from './config';
import type {EngineRequest} from './engine';
import {modelAddress, modelText, type ModelName} from './modelName';

/** Settings of the whole package; change them before the first call. */
export const env = {
  /** Run the engine in a dedicated worker, so that the page stays responsive. */
  worker: true,
  /** Folder of worker.js and the WebAssembly programs; beside this module by default. */
  folder: new URL('.', import.meta.url).href,
  /** Trustless gateways for models given by CID alone. Empty: the page's own origin. */
  gateways: [] as string[],
};

let client: Client | undefined;

export function engineClient(): Client {
  client ??= openClient(env.worker, env.folder);
  return client;
}

function defaultGateways(): string[] {
  if (env.gateways.length > 0) return env.gateways;
  const origin = globalThis.location?.origin;
  return origin && origin !== 'null' ? [origin] : [];
}

/** What is undefined counts as absent. */
export function modelRequest(model: ModelName, config: Config = {}): EngineRequest {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as Config;
  if (given.platform === 'wasm') given.platform = 'cpu';
  if (given.gateways === undefined || given.gateways.length === 0) given.gateways = defaultGateways();
  if (typeof model === 'object' && 'cid' in model && model.gateway) given.gateways = [model.gateway, ...given.gateways];
  return {model: modelAddress(model), name: modelText(model), config: given};
}

export function closeEngine(): void {
  client?.close();
  client = undefined;
}
