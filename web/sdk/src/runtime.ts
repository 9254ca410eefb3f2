// The package's settings, the one engine behind its functions, and requests to it.
import {openClient, type Client} from './client';
import type {Config} from './config';
import type {EngineRequest, ModelName} from './engine';

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

/** What the engine is asked about a model: as the caller names it, and where the caller is. */
export function modelRequest(model: ModelName, config: Config = {}): EngineRequest {
  const {document, location} = globalThis;
  const page = {base: document?.baseURI ?? location?.href, origin: location?.origin, gateways: env.gateways};
  return {model, page, config};
}

export function closeEngine(): void {
  client?.close();
  client = undefined;
}
