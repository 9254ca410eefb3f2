// The package's settings, the one engine behind its functions, and requests to it.
import {openClient, type Client} from './client';
import {resolveConfig, type Config} from './config';
import type {ModelRequest} from './engine';
import {modelSpec, modelText, type ModelName} from './modelSpec';

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

export function modelRequest(model: ModelName, config: Config = {}): ModelRequest {
  const resolved = resolveConfig(config);
  if (resolved.gateways.length === 0) resolved.gateways = defaultGateways();
  return {spec: modelSpec(model), name: modelText(model), config: resolved};
}

export function closeEngine(): void {
  client?.close();
  client = undefined;
}
