// Engine: the WebAssembly engine and what it stands on in this thread; lives in a worker, or where it was made.
import type {AnswerKind} from './answers';
import {Border, type CallOptions} from './border';
import type {Config} from './config';
import {reportDevices, type DeviceReport, type FoundDevices} from './detect';
import {asError} from './errors';
import {isNode} from './features';
import {ByteTable} from './ports/byteTable';
import {openCache, type BlockCache} from './ports/cache';
import {openPorts} from './ports/ports';
import {loadProgram, type ProgramOptions} from './program';
import type {Result, ResultOf} from './result';

/** A CID (also ipfs://CID/path and /ipfs/CID/path), the address of a folder, a folder on disk (Node), or one of these as an object. */
export type ModelName = string | {cid: string; gateway?: string} | {url: string} | {folder: string};

/** One item: text, or the bytes of a picture (PNG, JPEG, or 3 for each pixel) or of a sound, for tasks that take them. */
export type Input =
  | string
  | {text: string; pair?: string}
  | {messages: {role: string; content: string}[]}
  | {image: Uint8Array | {width: number; height: number; pixels: Uint8Array}}
  | {audio: Uint8Array | {rate: number; samples: Float32Array}};
export type Content = Input | Input[];

/** Token ids instead of texts. */
export interface EncodedItem {
  ids: number[];
  type_ids?: number[];
  attention_mask?: number[];
}

/** What is asked of the engine, which checks and defaults all of it. */
export interface EngineRequest {
  model?: ModelName;
  /** Where the caller is: relative names are seen from `base`; who names no gateway asks these, or the origin. */
  page?: {base?: string; origin?: string; gateways?: string[]};
  config: Config;
  inputs?: Content;
  encodings?: EncodedItem[];
  /** A tensor for each input of the graph: `ints`, or `values` for floats. */
  tensors?: Record<string, {shape: number[]; ints?: number[]; values?: number[]}>;
  hidden_states?: boolean;
  all_tokens?: boolean;
}

/** What comes back, by method. */
export interface Answers {
  run: Result;
  /** `dims` of the tensor that `result.output` is the rows of, or the answer as transformers.js gives it. */
  pipeline:
    | {result: ResultOf<'embedding'>; dims: [number, number]; answer?: undefined}
    | {result: Exclude<Result, ResultOf<'embedding'>>; answer: unknown; dims?: undefined};
  load: {task: string; answer_kind: AnswerKind; labels: string[]; cid: string; takes: string[]};
  explain: unknown;
  evaluate: {
    outputs: {name: string; dtype: 'F32' | 'I32'; shape: number[]; values: string}[];
    ids: number[][];
    segments: Result['segments'];
  };
  devices: DeviceReport;
  unload: null;
  cacheStat: {kind: string; blocks: number; bytes: number};
  clearCache: null;
}
export type Method = keyof Answers;

/** One program with its cache. It ends once it is retired and nobody works on it. */
class Instance {
  readonly border: Promise<Border>;
  current: Border | undefined;
  #users = 0;
  #retired = false;

  constructor(
    readonly key: string,
    options: ProgramOptions,
    cache: Promise<BlockCache>,
  ) {
    this.border = this.#open(options, cache);
    this.border.catch(() => undefined);
  }

  async #open(options: ProgramOptions, opening: Promise<BlockCache>): Promise<Border> {
    const table = new ByteTable();
    const [program, cache] = await Promise.all([loadProgram(options, table), opening]);
    this.current = await Border.open(program, await openPorts(table, cache), {
      threads: options.threads,
      cache: cache.kind,
      user_agent: globalThis.navigator?.userAgent,
      files: isNode(),
      web_crypto: globalThis.crypto?.subtle !== undefined,
    });
    return this.current;
  }

  async use<T>(work: (border: Border) => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      return await work(await this.border);
    } finally {
      this.#users -= 1;
      this.#closeIfDone();
    }
  }

  retire(): void {
    this.#retired = true;
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#retired && this.#users === 0) void this.border.then((border) => border.close()).catch(() => undefined);
  }
}

export class Engine {
  #instance: Instance | undefined;
  readonly #caches = new Map<string, Promise<BlockCache>>();
  constructor(readonly options: ProgramOptions = {}) {}

  async call<M extends Method>(method: M, request: EngineRequest, options: CallOptions = {}): Promise<Answers[M]> {
    const {cache, cache_folder: folder, ...config} = request.config;
    if (method === 'clearCache') return (await this.#cache(cache, folder)).clear() as Promise<never>;
    if (method === 'cacheStat') {
      const opened = await this.#cache(cache, folder);
      return {kind: opened.kind, ...(await opened.stat())} as Answers[M];
    }
    return this.#instanceFor(method, request.config).use(async (border) => {
      const answer = await border.call<unknown>({...request, config, method}, options);
      return (method === 'devices' ? reportDevices(answer as FoundDevices, border.program.name) : answer) as Answers[M];
    });
  }

  /** The program for these options: a new one when the last one broke, or others are wanted. */
  instance({cache, cache_folder: folder, threads = 0}: Config): Instance {
    const key = JSON.stringify([threads, cache, folder]);
    const last = this.#instance;
    if (last?.key === key && !last.current?.broken) return last;
    last?.retire();
    const options = {...this.options, threads: threads || this.options.threads || 0};
    const instance = new Instance(key, options, this.#cache(cache, folder));
    const failed = () => (this.#instance === instance ? (this.#instance = undefined) : undefined);
    instance.border.catch(failed); // the next call tries again
    return (this.#instance = instance);
  }

  /** Ends once the calls at work have ended. */
  close(): void {
    this.#instance?.retire();
    this.#instance = undefined;
  }

  /** What is about the engine itself takes the one that is there. */
  #instanceFor(method: Method, config: Config): Instance {
    const wantsCurrent = method === 'devices' || method === 'unload';
    return wantsCurrent && this.#instance && !this.#instance.current?.broken ? this.#instance : this.instance(config);
  }

  #cache(kind: Config['cache'] = 'auto', folder?: string): Promise<BlockCache> {
    const key = `${kind} ${folder ?? ''}`;
    let cache = this.#caches.get(key);
    if (!cache) {
      cache = openCache(kind, folder).catch((error: unknown) => {
        this.#caches.delete(key);
        throw asError(error, 'io');
      });
      this.#caches.set(key, cache);
    }
    return cache;
  }
}
