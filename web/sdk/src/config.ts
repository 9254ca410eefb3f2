// Config: what to run on and how; names are those of the native engine, which refuses unknown keys and wrong types.
import type {CacheKind} from './ports/cache';

export interface Config {
  /** Empty: what the model is made for. */
  task?: string;
  /** `cpu` is WebAssembly; `wasm` is another name for it. */
  platform?: 'auto' | 'webgpu' | 'webnn' | 'cpu' | 'wasm';
  /** Bits to compute in. 16 needs a device with f16. */
  precision?: 32 | 16;
  mixed_precision?: boolean;
  /** Platform unusable: run on the CPU and say so in `fallback`, instead of an error. */
  allow_fallback?: boolean;
  /** Cut texts at the model's length, instead of an error. */
  truncation?: boolean;
  /** Answers per input, for tasks that rank. */
  top_k?: number;
  /** Tokens generated at most; 0: as the model says, else 256. */
  max_new_tokens?: number;
  /** Tokens that end a text; empty: as the model says. */
  stop_token_ids?: number[];
  /** Inputs computed together. */
  batch_size?: number;
  /** 0: all processors; at most 64. More than one needs a cross-origin isolated page. */
  threads?: number;
  /** Trustless gateways to fetch from. Default: the page's own origin. */
  gateways?: string[];
  /** Overrides the model's own pooling of an embedding. */
  pooling?: 'mean' | 'cls' | 'max' | 'last_token';
  /** Overrides whether an embedding has length 1. */
  normalize?: boolean;
  /** Pipelines: whether a generated text begins with its prompt. Default: where it goes on from the prompt. */
  return_full_text?: boolean;
  /** Where verified blocks are kept. */
  cache?: CacheKind | 'auto';
  /** Node: the folder of the cache. */
  cache_folder?: string;
  /** Milliseconds without a byte after which a gateway counts as stalled; counted in whole seconds. */
  stall_timeout?: number;
}
