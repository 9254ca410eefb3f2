// Config: what to run on and how; names are those of the native engine. Unknown keys and wrong types are refused.
import {fail} from './errors';
import type {CacheKind} from './content/cache';

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
  /** Inputs computed together. */
  batch_size?: number;
  /** 0: all processors. More than one needs a cross-origin isolated page. */
  threads?: number;
  /** Trustless gateways to fetch from. Default: the page's own origin. */
  gateways?: string[];
  /** Overrides the model's own pooling of an embedding. */
  pooling?: 'mean' | 'cls' | 'max' | 'last_token';
  /** Overrides whether an embedding has length 1. */
  normalize?: boolean;
  /** Where verified blocks are kept. */
  cache?: CacheKind | 'auto';
  /** Node: the folder of the cache. */
  cache_folder?: string;
  /** Milliseconds without a byte after which a gateway counts as stalled. */
  stall_timeout?: number;
}

export type ResolvedConfig = Required<Omit<Config, 'pooling' | 'normalize' | 'cache_folder' | 'platform'>> &
  Pick<Config, 'pooling' | 'normalize' | 'cache_folder'> & {platform: 'auto' | 'webgpu' | 'webnn' | 'cpu'};

const defaults: ResolvedConfig = {
  task: '', platform: 'auto', precision: 32, mixed_precision: false, allow_fallback: true, truncation: true, top_k: 5,
  batch_size: 32, threads: 0, gateways: [], cache: 'auto', stall_timeout: 20_000,
};
const optional: Record<string, string> = {pooling: 'string', normalize: 'boolean', cache_folder: 'string'};
const platforms = ['auto', 'webgpu', 'webnn', 'cpu'];

function checkType(key: string, value: unknown): void {
  const expected = optional[key] ?? typeof (defaults as unknown as Record<string, unknown>)[key];
  if (expected === 'undefined') fail('unknown_option', `no option '${key}'; known: ${[...Object.keys(defaults), ...Object.keys(optional)].join(', ')}`);
  if (typeof value !== expected) fail('invalid_argument', `option '${key}' must be a ${expected}, not a ${typeof value}`);
}

function checkRange(key: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) fail('invalid_argument', `${key} is ${value}; it must be ${least} to ${most}`);
}

/** All options, checked: unknown_option, invalid_argument, unknown_platform, unsupported_precision. */
export function resolveConfig(config: Config = {}): ResolvedConfig {
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  for (const [key, value] of given) checkType(key, value);
  const resolved = {...defaults, ...Object.fromEntries(given)} as ResolvedConfig;
  if ((resolved.platform as string) === 'wasm') resolved.platform = 'cpu';
  if (!platforms.includes(resolved.platform)) fail('unknown_platform', `no platform '${resolved.platform}'; known: ${platforms.join(', ')}`);
  if (resolved.precision !== 32 && resolved.precision !== 16) {
    fail('unsupported_precision', `precision ${String(resolved.precision)} is not available; 32 and 16 are`);
  }
  if (resolved.mixed_precision) fail('unsupported_precision', 'mixed_precision is not available; choose precision 32 or 16 for the whole model');
  checkRange('top_k', resolved.top_k, 1, 1 << 20);
  checkRange('batch_size', resolved.batch_size, 1, 4096);
  checkRange('threads', resolved.threads, 0, 1024);
  checkRange('stall_timeout', resolved.stall_timeout, 1, 3_600_000);
  return resolved;
}
