// Model: one open model on one platform. Small files and headers first, then the plan, then the weights it needs.
import {bindDims, elementCount, type Executable, type Platform, type Program, type Segment, type ShapeClass} from './backend';
import type {ResolvedConfig} from './config';
import type {ContentFigures} from './content/blocks';
import {shardIndex, weightFile, type ModelFolder} from './content/folders';
import type {ContentFile} from './content/unixfs';
import {makeProgram, usablePrecision, type OpenDevice} from './devices';
import {asError, checkAborted, fail} from './errors';
import type {TextItem} from './inputs';
import {FileProgress, type ProgressCallback} from './progress';
import {cropOutput, padTensor, shapeBucket} from './shapes';
import type {Native} from './wasm';
import {bytesWanted, weightReader, type WeightInfo} from './weights';

/** What the engine knows of an open model. */
export interface ModelFacts {
  task: string;
  architecture: string;
  model_type: string;
  hidden: number;
  max_tokens: number;
  pad_id: number;
  positions_after_pad: boolean;
  has_tokenizer: boolean;
  labels: string[];
  weights: WeightInfo[];
}

interface PreparedBatch {
  batch: number;
  shape: ShapeClass;
  inputs: {name: string; dtype: string; shape: number[]; pointer: number; bytes: number}[];
  tokens: number;
  ids?: number[][];
}

/** Token ids instead of texts. */
export interface EncodedItem {
  ids: number[];
  attention_mask: number[];
  type_ids: number[];
}

export interface ComputedTensor {
  name: string;
  shape: number[];
  values: Float32Array;
}

export interface OpenOptions {
  config: ResolvedConfig;
  name: string;
  /** Golden runs: also give every layer's state, and logits of every token. */
  hiddenStates?: boolean;
  allTokens?: boolean;
  progress?: ProgressCallback;
  signal?: AbortSignal;
}

/** What may differ from run to run of a loaded model. */
export type RunOptions = Pick<ResolvedConfig, 'truncation' | 'top_k' | 'batch_size'>;

const maxSmallFile = 64 << 20;
const keptShapes = 8;
const shortText: ShapeClass = {batch: 1, sequence: 16, rows: 1};

interface Compiled {
  key: string;
  executables: Executable[];
}

export class Model {
  readonly #compiled: Compiled[] = [];
  #programs: Program[] = [];
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
      readonly native: Native, readonly folder: ModelFolder, readonly facts: ModelFacts, readonly files: ContentFile[],
      readonly session: number, readonly config: ResolvedConfig, readonly name: string,
      readonly device: OpenDevice, readonly segments: Segment[], readonly outputs: string[]) {}

  /** Reads config, tokenizer and weight headers, and plans; no weight is read yet. */
  static async open(native: Native, folder: ModelFolder, device: OpenDevice, options: OpenOptions): Promise<Model> {
    const session = native.raw('ia_session_new');
    try {
      await readSmallFiles(native, folder, session, options);
      const files = await readHeaders(native, folder, session, options);
      const {config} = options;
      const facts = native.call<ModelFacts>('ia_session_open', [session], JSON.stringify({
        task: config.task, pooling: config.pooling, normalize: config.normalize,
        hidden_states: options.hiddenStates, all_tokens: options.allTokens,
      }));
      const {segments, outputs} = plan(native, session, device, usablePrecision(device, config.precision));
      return new Model(native, folder, facts, files, session, config, options.name, device, segments, outputs);
    } catch (error) {
      if (!native.broken) native.raw('ia_session_free', session);
      throw error;
    }
  }

  /** Reads the weights onto the device and compiles for `shape`. */
  async load(shape: ShapeClass, options: OpenOptions): Promise<void> {
    const {weights} = this.facts;
    const wanted = bytesWanted(this.files, weights);
    const before = this.figures.blocks_fetched;
    const source = before > 0 ? 'ipfs' : 'cache';
    const progress = options.progress ? this.files.map((file, i) => new FileProgress(options.progress!, options.name, file.name, wanted[i]!, source)) : [];
    const reader = weightReader(this.files, weights, progress, options.signal);
    this.#programs = this.segments.map((segment) => makeProgram(this.native, this.device, segment, this.precision, this.config.threads));
    await this.#compile(shapeBucket(shape, this.facts.max_tokens), reader, options.signal);
    for (const file of progress) file.done();
    options.progress?.({status: 'ready', name: options.name, task: this.facts.task, model: options.name, source: this.source});
  }

  /** Bits the device computes in. */
  get precision(): number {
    return usablePrecision(this.device, this.config.precision);
  }

  get figures(): ContentFigures {
    return this.folder.blocks.figures;
  }

  /** Where the bytes came from: `cache`, `ipfs` (a gateway), `url` or `disk`. */
  get source(): string {
    if (this.folder.origin === 'disk') return 'disk';
    if (this.figures.blocks_fetched === 0) return 'cache';
    return this.folder.origin === 'url' ? 'url' : 'ipfs';
  }

  /** The platform that computes most of the model. */
  get platform(): Platform {
    const counts = new Map<Platform, number>();
    for (const segment of this.segments) counts.set(segment.platform, (counts.get(segment.platform) ?? 0) + segment.nodes);
    return [...counts].sort((a, b) => b[1] - a[1])[0]![0];
  }

  get deviceBytes(): number {
    const weights = this.#programs.reduce((sum, program, i) => sum + (this.segments[i]!.platform === 'cpu' ? 0 : program.weightBytes), 0);
    const activations = this.#compiled.flatMap(({executables}) => executables)
        .reduce((sum, executable, i) => sum + (this.segments[i % this.segments.length]!.platform === 'cpu' ? 0 : executable.activationBytes), 0);
    return weights + activations;
  }

  get optimizations(): string[] {
    return [...new Set(this.#programs.flatMap((program) => program.optimizations))];
  }

  /** The plan dump for a shape; no weight is read. */
  explain(shape: ShapeClass): unknown {
    return this.native.call('ia_session_explain', [this.session], JSON.stringify({...shape, precision: this.precision}));
  }

  /** One answer per item, in order. */
  run(items: TextItem[], options: RunOptions, signal?: AbortSignal): Promise<{answers: unknown[]; tokens: number}> {
    return this.#inTurn(async () => {
      const answers: unknown[] = new Array(items.length);
      let tokens = 0;
      for (const indices of inBatches(items, options.batch_size)) {
        const batch = await this.#runBatch(indices.map((i) => items[i]!), options, signal);
        indices.forEach((index, i) => { answers[index] = batch.answers[i]; });
        tokens += batch.tokens;
      }
      return {answers, tokens};
    });
  }

  /** Every output of the graph for token ids (golden runs). */
  runEncoded(encodings: EncodedItem[]): Promise<ComputedTensor[]> {
    return this.#inTurn(async () => {
      const prepared = this.#prepare({encodings});
      try {
        return await this.#compute(prepared);
      } finally {
        this.native.raw('ia_batch_free', prepared.batch);
      }
    });
  }

  /** Token ids of texts, as the model would get them. */
  tokenize(items: TextItem[]): number[][] {
    const prepared = this.#prepare({items, ids: true});
    this.native.raw('ia_batch_free', prepared.batch);
    return prepared.ids!;
  }

  /** The padded shape in which the first batch of these texts would run; that of a short text when there are none. */
  shapeOf(items: TextItem[], {truncation, batch_size: size}: RunOptions): ShapeClass {
    if (items.length === 0) return shapeBucket(shortText, this.facts.max_tokens);
    const prepared = this.#prepare({items: inBatches(items, size)[0]!.map((i) => items[i]), truncation});
    this.native.raw('ia_batch_free', prepared.batch);
    return shapeBucket(prepared.shape, this.facts.max_tokens);
  }

  dispose(): void {
    this.#drop();
    for (const segment of this.segments) if (!this.native.broken) this.native.raw('ia_graph_free', segment.graph);
    if (!this.native.broken) this.native.raw('ia_session_free', this.session);
  }

  #drop(): void {
    for (const {executables} of this.#compiled.splice(0)) for (const executable of executables) executable.dispose();
    for (const program of this.#programs.splice(0)) program.dispose();
  }

  /** Runs follow each other: executables hold one run's tensors. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #prepare(request: object): PreparedBatch {
    return this.native.call<PreparedBatch>('ia_session_prepare', [this.session], JSON.stringify(request));
  }

  async #runBatch(items: TextItem[], {truncation, top_k}: RunOptions, signal?: AbortSignal): Promise<{answers: unknown[]; tokens: number}> {
    checkAborted(signal);
    const prepared = this.#prepare({items, truncation, top_k});
    try {
      const output = (await this.#compute(prepared, signal))[0]!;
      const bytes = new Uint8Array(output.values.buffer, output.values.byteOffset, output.values.byteLength);
      const pointer = this.native.put(bytes);
      try {
        const request = {batch: prepared.batch, pointer, bytes: bytes.byteLength, shape: output.shape, top_k};
        return {answers: this.native.call<unknown[]>('ia_session_finish', [this.session], JSON.stringify(request)), tokens: prepared.tokens};
      } finally {
        this.native.free(pointer);
      }
    } finally {
      if (!this.native.broken) this.native.raw('ia_batch_free', prepared.batch);
    }
  }

  /** The graph's outputs for a batch, the main one first. */
  async #compute(prepared: PreparedBatch, signal?: AbortSignal): Promise<ComputedTensor[]> {
    const real = prepared.shape;
    const shape = shapeBucket(real, this.facts.max_tokens);
    const executables = await this.#compile(shape, weightReader(this.files, this.facts.weights, [], signal), signal);
    checkAborted(signal);
    const values = new Map<string, Uint8Array>();
    for (const {name, pointer, bytes} of prepared.inputs) {
      const tensor = new Int32Array(this.native.read(pointer, bytes).buffer);
      const padded = padTensor({name, values: tensor}, real, shape, this.facts.pad_id, this.facts.positions_after_pad);
      values.set(name, new Uint8Array(padded.buffer));
    }
    const computed = new Map<string, ComputedTensor>();
    for (const [i, segment] of this.segments.entries()) {
      const inputs = segment.inputs.map(({name}) => values.get(name) ?? fail('internal', `nothing computes the value ${name}`));
      const outputs = await executables[i]!.run(inputs);
      segment.outputs.forEach((info, o) => {
        values.set(info.name, outputs[o]!);
        if (!this.outputs.includes(info.name)) return;
        const floats = new Float32Array(outputs[o]!.buffer, outputs[o]!.byteOffset, elementCount(info.dims, shape));
        computed.set(info.name, {name: info.name, shape: bindDims(info.dims, real), values: cropOutput(floats, bindDims(info.dims, shape), bindDims(info.dims, real))});
      });
    }
    return this.outputs.map((name) => computed.get(name)!);
  }

  async #compile(shape: ShapeClass, reader: ReturnType<typeof weightReader>, signal?: AbortSignal): Promise<Executable[]> {
    const key = `${shape.batch} ${shape.sequence} ${shape.rows}`;
    const at = this.#compiled.findIndex((compiled) => compiled.key === key);
    if (at >= 0) {
      const [found] = this.#compiled.splice(at, 1);
      this.#compiled.unshift(found!);
      return found!.executables;
    }
    const executables: Executable[] = [];
    try {
      for (const program of this.#programs) executables.push(await program.compile(shape, reader, signal));
    } catch (error) {
      for (const executable of executables) executable.dispose();
      throw asError(error);
    }
    this.#compiled.unshift({key, executables});
    for (const old of this.#compiled.splice(keptShapes)) for (const executable of old.executables) executable.dispose();
    return executables;
  }
}

/** Numbers of the items of each batch; similar lengths together, so that little is padding. */
function inBatches(items: TextItem[], size: number): number[][] {
  const order = items.map((_, i) => i);
  const length = (i: number) => items[i]!.text.length + (items[i]!.pair?.length ?? 0);
  if (items.length > size) order.sort((a, b) => length(b) - length(a));
  return Array.from({length: Math.ceil(order.length / size)}, (_, i) => order.slice(i * size, (i + 1) * size));
}

interface PlanReply {
  segments: Segment[];
  outputs: string[];
}

function plan(native: Native, session: number, device: OpenDevice, precision: number): PlanReply {
  const request = {platform: device.platform, precision, capabilities: device.gpu?.capabilities, limits: device.webnn?.limits};
  return native.call<PlanReply>('ia_session_plan', [session], JSON.stringify(request));
}

async function readSmallFiles(native: Native, folder: ModelFolder, session: number, options: OpenOptions): Promise<void> {
  const {progress, name, signal} = options;
  const wanted = native.call<string[]>('ia_wanted_files', []);
  await Promise.all(wanted.map(async (path) => {
    const file = await folder.file(path, signal);
    if (!file) return;
    if (file.size > maxSmallFile) fail('limit_exceeded', `${path} has ${file.size} bytes; at most ${maxSmallFile} are read`);
    const report = progress && new FileProgress(progress, name, path, file.size, folder.origin);
    const bytes = await file.read(0, file.size, signal);
    native.call('ia_session_file', [session], path, bytes);
    report?.add(bytes.byteLength);
    report?.done();
  }));
}

/** The weight files, their headers handed to the engine. */
async function readHeaders(native: Native, folder: ModelFolder, session: number, options: OpenOptions): Promise<ContentFile[]> {
  const files: ContentFile[] = [];
  for (const name of await weightFileNames(native, folder, options.signal)) {
    const file = await folder.file(name, options.signal);
    if (!file) fail('not_found', `the model has no ${name}, which ${shardIndex} lists`);
    if (file.size < 8) fail('malformed_weights', `${name} has ${file.size} bytes, too few for a header`);
    const length = native.call<number>('ia_safetensors_header', [], await file.read(0, 8, options.signal));
    if (length > file.size) fail('malformed_weights', `${name} says its header ends at byte ${length}, but it has ${file.size}`);
    const header = await file.read(0, length, options.signal);
    native.call('ia_session_weights', [session, files.length, file.size], header);
    files.push(file);
  }
  return files;
}

async function weightFileNames(native: Native, folder: ModelFolder, signal?: AbortSignal): Promise<string[]> {
  if (await folder.has(weightFile, signal)) return [weightFile];
  const index = await folder.file(shardIndex, signal);
  if (!index) return fail('not_found', `the model has neither ${weightFile} nor ${shardIndex}`);
  return native.call<string[]>('ia_sharded_files', [], await index.read(0, index.size, signal));
}
