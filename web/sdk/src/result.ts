// Result: what a run says of itself. Every field is measured; names are those of the native engine.
import type {AnswerKind, AnswerTypes} from './answers';

export type Platform = 'webgpu' | 'webnn' | 'cpu';

/** What was read from where; all counted, none assumed. */
export interface ContentFigures {
  cache: string;
  blocks_from_cache: number;
  blocks_fetched: number;
  bytes_from_cache: number;
  bytes_fetched: number;
  bytes_verified: number;
  /** Kept blocks that no longer matched their CID; replaced as soon as good ones came. */
  blocks_corrupt: number;
  /** The browser had no room to keep a block. */
  quota_exceeded: boolean;
  /** Time in which at least one block was being read, fetched or verified. */
  milliseconds: number;
}

/** Of a run whose answers are of a known kind. */
export interface ResultOf<Kind extends AnswerKind> {
  model_name: string;
  model_type: string;
  task: string;
  /** What computed most of the model. */
  platform: Platform;
  /** `chrome`, `firefox`, `safari`, `edge`, `node`, or `unknown`. */
  browser: string;
  /** False for software adapters. */
  is_real_hardware: boolean;
  /** Bits the device computed in. */
  precision: number;
  mixed_precision: boolean;
  /** Seconds, tokenizing to result. */
  processing_time: number;
  /** Seconds, loading included. */
  total_time: number;
  /** Every byte came from the cache. */
  ipfs_cache_hit: boolean;
  /** `cache`, `ipfs` (a gateway), `url` or `disk`. */
  ipfs_source: string;
  /** Milliseconds spent finding, reading and verifying the model's bytes; 0 when it was loaded already. */
  ipfs_load_time: number;
  cid: string;
  optimizations: string[];
  /** WebAssembly memory, and weights and activations on a device of its own; 10^6 bytes. */
  memory_usage_mb: number;
  throughput_items_per_sec: number;
  p2p_optimized: boolean;
  adapter_info: string;
  /** Why another platform than asked for was used; null otherwise. */
  fallback: string | null;
  /** What ran where. */
  segments: {platform: Platform; nodes: number; reason: string}[];
  /** Bytes and blocks by origin, since the model was opened. */
  content: ContentFigures;
  /** Tokens computed, padding left out. */
  tokens: number;
  /** What the values of `output` are. */
  answer_kind: Kind;
  /** One per input, in order. */
  output: AnswerTypes[Kind][];
}

/** `answer_kind` says what `output` holds. */
export type Result = {[Kind in AnswerKind]: ResultOf<Kind>}[AnswerKind];
