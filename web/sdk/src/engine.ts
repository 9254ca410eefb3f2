// Engine: loads models once and runs them; lives in a worker, or where it was made.
import {deviceName, Devices, type Choice} from './devices';
import type {ResolvedConfig} from './config';
import {Blocks} from './content/blocks';
import {openCache, type BlockCache} from './content/cache';
import {importDisk} from './content/diskFolder';
import {ModelFolder} from './content/folders';
import {openUrlFolder} from './content/urlFolder';
import {describeDevices, type DeviceReport} from './detect';
import {IpfsAccelerateError, asError, checkAborted} from './errors';
import type {TextItem} from './inputs';
import {Model, type ComputedTensor, type EncodedItem, type OpenOptions} from './model';
import type {ModelSpec} from './modelSpec';
import type {ProgressCallback} from './progress';
import {browserName, type Result} from './result';
import {Native, type NativeOptions} from './wasm';

export interface ModelRequest {
  spec: ModelSpec;
  /** The model as the caller named it. */
  name: string;
  config: ResolvedConfig;
  /** Golden runs. */
  hiddenStates?: boolean;
  allTokens?: boolean;
}

interface Loaded {
  model: Model;
  choice: Choice;
  loadMilliseconds: number;
  native: Native;
}

const keptModels = 4;
const deviceErrors = new Set(['no_adapter', 'unsupported_op', 'device_lost', 'out_of_memory', 'shader_compile', 'self_check_failed']);

export class Engine {
  #native: Promise<Native> | undefined;
  #current: Native | undefined;
  #nativeThreads: number;
  /** How many requests are at work on each. */
  readonly #users = new Map<Promise<Native>, number>();
  /** Instances to close when their last request ends. */
  readonly #retired = new Map<Promise<Native>, () => void>();
  readonly #caches = new Map<string, Promise<BlockCache>>();
  readonly #loaded = new Map<string, Promise<Loaded>>();
  #devices = new Devices(() => this.native());

  constructor(readonly options: NativeOptions = {}) {
    this.#nativeThreads = options.threads ?? 0;
  }

  /** The WebAssembly engine; a new one when the last one broke, or when another number of threads is wanted. */
  native(wanted?: number): Promise<Native> {
    const threads = wanted === undefined ? this.#nativeThreads : wanted || this.options.threads || 0;
    if (this.#native && threads === this.#nativeThreads && !this.#current?.broken) return this.#native;
    if (this.#native) this.#forget();
    this.#nativeThreads = threads;
    const loading = Native.load({...this.options, threads});
    this.#native = loading;
    loading.then((native) => {
      if (this.#native === loading) this.#current = native;
    }, () => {
      if (this.#native === loading) this.#native = undefined; // the next call tries again
    });
    return loading;
  }

  /** Loads when needed, then runs. */
  async run(request: ModelRequest, items: TextItem[], progress?: ProgressCallback, signal?: AbortSignal): Promise<Result> {
    const begin = performance.now();
    return this.#withFallback(request, items, progress, signal, async (loaded, fresh) => {
      const start = performance.now();
      const {answers, tokens} = await loaded.model.run(items, request.config, signal);
      const now = performance.now();
      return describe(request, loaded, {answers, tokens, seconds: (now - start) / 1e3, total: (now - begin) / 1e3, fresh});
    });
  }

  /** Loads without running. */
  async load(request: ModelRequest, progress?: ProgressCallback, signal?: AbortSignal): Promise<{task: string; labels: string[]; cid: string}> {
    return this.#withFallback(request, [], progress, signal, async ({model}) => (
      {task: model.facts.task, labels: model.facts.labels, cid: model.folder.cid.text}));
  }

  /** The plan, before any weight is read. */
  async explain(request: ModelRequest, items: TextItem[], signal?: AbortSignal): Promise<unknown> {
    return this.#using(this.native(request.config.threads), (native) => this.#explain(native, request, items, signal));
  }

  async #explain(native: Native, request: ModelRequest, items: TextItem[], signal?: AbortSignal): Promise<unknown> {
    const {platform, allow_fallback: allowFallback} = request.config;
    const choice = await this.#devices.choose(platform, allowFallback);
    const folder = await this.#openFolder(native, request, signal);
    const model = await Model.open(native, folder, choice.device, {config: request.config, name: request.name, ...(signal ? {signal} : {})});
    try {
      const shape = items.length > 0 ? model.shapeOf(items, request.config) : {batch: 1, sequence: model.facts.max_tokens, rows: 1};
      const explained = model.explain(shape) as object;
      return {...explained, cid: folder.cid.text, device: deviceName(native, choice.device), reason: choice.reason, fallback: choice.fallback, content: model.figures};
    } finally {
      model.dispose();
    }
  }

  /** Every output for token ids, and ids of texts (golden runs). */
  async evaluate(request: ModelRequest, encodings: EncodedItem[], texts: TextItem[]): Promise<{outputs: ComputedTensor[]; ids: number[][]; segments: Result['segments']}> {
    return this.#withFallback(request, texts, undefined, undefined, async ({model}) => ({
      outputs: encodings.length > 0 ? await model.runEncoded(encodings) : [],
      ids: texts.length > 0 ? model.tokenize(texts) : [],
      segments: model.segments.map(({platform, nodes, reason}) => ({platform, nodes, reason})),
    }));
  }

  async detect(): Promise<DeviceReport> {
    return this.#using(this.native(), (native) => describeDevices(native, this.#devices));
  }

  async unload(request: ModelRequest): Promise<void> {
    const wanted = modelKey(request);
    for (const key of [...this.#loaded.keys()].filter((name) => name.startsWith(wanted))) await this.#evict(key);
  }

  async cacheStat(config: ResolvedConfig): Promise<{kind: string; blocks: number; bytes: number}> {
    const cache = await this.#cache(config);
    return {kind: cache.kind, ...(await cache.stat())};
  }

  async clearCache(config: ResolvedConfig): Promise<void> {
    await (await this.#cache(config)).clear();
  }

  /** Ends once the requests at work have ended. */
  close(): void {
    if (this.#native) this.#forget();
    this.#native = undefined;
  }

  /** A device that fails in the middle of work is replaced by the CPU, once, when that is allowed. */
  async #withFallback<T>(
      request: ModelRequest, items: TextItem[], progress: ProgressCallback | undefined, signal: AbortSignal | undefined,
      work: (loaded: Loaded, fresh: boolean) => Promise<T>): Promise<T> {
    return this.#using(this.native(request.config.threads), (native) => this.#workOrFallBack(native, request, items, progress, signal, work));
  }

  async #workOrFallBack<T>(
      native: Native, request: ModelRequest, items: TextItem[], progress: ProgressCallback | undefined, signal: AbortSignal | undefined,
      work: (loaded: Loaded, fresh: boolean) => Promise<T>): Promise<T> {
    const {platform, allow_fallback: allowFallback} = request.config;
    let choice: Choice | undefined;
    try {
      choice = await this.#devices.choose(platform, allowFallback);
      const {loaded, fresh} = await this.#load(native, request, choice, items, progress, signal);
      return await work(loaded, fresh);
    } catch (error) {
      const known = asError(error);
      if (deviceErrors.has(known.code)) await this.unload(request);
      if (!allowFallback || !choice || choice.device.platform === 'cpu' || !deviceErrors.has(known.code)) throw known;
      const why = `${choice.device.platform} failed: ${known.message}`;
      const cpu: Choice = {device: {platform: 'cpu'}, reason: why, fallback: why};
      const {loaded, fresh} = await this.#load(native, request, cpu, items, progress, signal);
      return work(loaded, fresh);
    }
  }

  async #load(native: Native, request: ModelRequest, choice: Choice, items: TextItem[], progress?: ProgressCallback, signal?: AbortSignal): Promise<{loaded: Loaded; fresh: boolean}> {
    const key = `${modelKey(request)} ${choice.device.platform}`; // after a fallback, the device is tried again
    const there = await this.#loaded.get(key)?.catch(() => undefined);
    checkAborted(signal);
    if (there?.native === native && !native.broken && there.choice.device.gpu?.lost === undefined) {
      progress?.({status: 'ready', name: request.name, task: there.model.facts.task, model: request.name, source: there.model.source});
      return {loaded: there, fresh: false};
    }
    const loading = this.#loadFresh(native, request, choice, items, progress, signal);
    this.#loaded.set(key, loading);
    for (const [old] of [...this.#loaded].slice(0, -keptModels)) void this.#evict(old);
    try {
      return {loaded: await loading, fresh: true};
    } catch (error) {
      if (this.#loaded.get(key) === loading) this.#loaded.delete(key);
      throw asError(error);
    }
  }

  async #evict(key: string): Promise<void> {
    const loaded = await this.#loaded.get(key)?.catch(() => undefined);
    this.#loaded.delete(key);
    loaded?.model.dispose();
  }

  async #loadFresh(native: Native, request: ModelRequest, choice: Choice, items: TextItem[], progress?: ProgressCallback, signal?: AbortSignal): Promise<Loaded> {
    const begin = performance.now();
    const folder = await this.#openFolder(native, request, signal);
    const imported = folder.origin === 'ipfs' ? 0 : performance.now() - begin - folder.blocks.figures.milliseconds;
    const options: OpenOptions = {
      config: request.config, name: request.name,
      ...(request.hiddenStates ? {hiddenStates: true} : {}), ...(request.allTokens ? {allTokens: true} : {}),
      ...(progress ? {progress} : {}), ...(signal ? {signal} : {}),
    };
    const model = await Model.open(native, folder, choice.device, options);
    try {
      await model.load(model.shapeOf(items, request.config), options);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return {model, choice, native, loadMilliseconds: imported + folder.blocks.figures.milliseconds};
  }

  async #openFolder(native: Native, {spec, config}: ModelRequest, signal?: AbortSignal): Promise<ModelFolder> {
    if (spec.kind === 'disk') {
      const cache = await openCache('memory');
      return importDisk(native, spec.folder, (local) => new Blocks(native, cache, [], config.stall_timeout, local), signal);
    }
    const cache = await this.#cache(config);
    if (spec.kind === 'url') return openUrlFolder(new Blocks(native, cache, [], config.stall_timeout), spec.url, signal);
    const gateways = [...spec.gateways, ...config.gateways];
    return ModelFolder.open(new Blocks(native, cache, gateways, config.stall_timeout), spec.path, signal);
  }

  #cache({cache: kind, cache_folder: folder}: ResolvedConfig): Promise<BlockCache> {
    const key = `${kind} ${folder ?? ''}`;
    let cache = this.#caches.get(key);
    if (!cache) {
      cache = openCache(kind, folder).catch((error: unknown) => {
        this.#caches.delete(key);
        throw new IpfsAccelerateError('io', `the cache '${kind}' cannot be opened: ${String(error)}`, {cause: error});
      });
      this.#caches.set(key, cache);
    }
    return cache;
  }

  async #using<T>(native: Promise<Native>, work: (native: Native) => Promise<T>): Promise<T> {
    this.#users.set(native, (this.#users.get(native) ?? 0) + 1);
    try {
      return await work(await native);
    } finally {
      const left = this.#users.get(native)! - 1;
      if (left > 0) this.#users.set(native, left);
      else this.#users.delete(native);
      this.#retired.get(native)?.();
    }
  }

  /** Models and checked devices belong to one WebAssembly instance; it ends once no request works on it. */
  #forget(): void {
    const old = this.#native!;
    const models = [...this.#loaded.values()];
    const close = () => {
      if (this.#users.has(old)) return;
      this.#retired.delete(old);
      void this.#close(old, models).catch(() => undefined); // it may never have loaded
    };
    this.#retired.set(old, close);
    close();
    this.#current = undefined;
    this.#loaded.clear();
    this.#devices = new Devices(() => this.native());
  }

  async #close(old: Promise<Native>, models: Promise<Loaded>[]): Promise<void> {
    const native = await old;
    for (const loading of new Set([...models, ...this.#loaded.values()])) {
      const loaded = await loading.catch(() => undefined);
      if (loaded?.native === native) loaded.model.dispose();
    }
    native.close();
  }
}

function modelKey({spec, config, hiddenStates, allTokens}: ModelRequest): string {
  const {task, platform, precision, threads, pooling, normalize} = config;
  return JSON.stringify([spec, task, platform, precision, threads, pooling, normalize, hiddenStates, allTokens]);
}

function describe(
    request: ModelRequest, {model, choice, loadMilliseconds, native}: Loaded,
    run: {answers: unknown[]; tokens: number; seconds: number; total: number; fresh: boolean}): Result {
  const {gpu, webnn} = choice.device;
  return {
    model_name: request.name,
    model_type: model.facts.model_type,
    task: model.facts.task,
    platform: model.platform,
    browser: browserName(),
    is_real_hardware: gpu ? gpu.facts.isRealHardware : webnn ? webnn.accelerated !== false : true,
    precision: model.precision,
    mixed_precision: false,
    processing_time: run.seconds,
    total_time: run.total,
    ipfs_cache_hit: model.source === 'cache',
    ipfs_source: model.source,
    ipfs_load_time: run.fresh ? loadMilliseconds : 0,
    cid: model.folder.cid.text,
    optimizations: model.optimizations,
    memory_usage_mb: (native.memoryBytes + model.deviceBytes) / 1e6,
    throughput_items_per_sec: run.answers.length / run.seconds,
    p2p_optimized: false,
    adapter_info: deviceName(native, choice.device),
    fallback: choice.fallback,
    segments: model.segments.map(({platform, nodes, reason}) => ({platform, nodes, reason})),
    content: {...model.figures},
    tokens: run.tokens,
    output: run.answers,
  };
}
