// Reading weights in file order: leaves are fetched ahead, at most sixteen, and dropped after their last use.
import type {WeightPart, WeightReader} from './backend';
import type {ContentFile} from './content/unixfs';
import {checkAborted} from './errors';
import type {FileProgress} from './progress';

/** Where one stored tensor lies. */
export interface StoredPart {
  name: string;
  dtype: string;
  shape: number[];
  file: number;
  begin: number;
  end: number;
}
export interface WeightInfo {
  name: string;
  shape: number[];
  parts: StoredPart[];
}

const ahead = 16;

interface Wanted {
  file: number;
  leaf: number;
  /** Weights that still need it. */
  uses: number;
  bytes?: Promise<Uint8Array<ArrayBuffer>>;
}

/** The leaves of one pass over some weights, in order of first use. */
class LeafQueue {
  readonly #order: Wanted[] = [];
  readonly #positions = new Map<string, number>();
  #next = 0;

  constructor(readonly files: ContentFile[], readonly progress: FileProgress[], readonly signal: AbortSignal | undefined) {}

  add(file: number, leaf: number): void {
    const key = `${file}:${leaf}`;
    const position = this.#positions.get(key);
    if (position !== undefined) {
      this.#order[position]!.uses += 1;
      return;
    }
    this.#positions.set(key, this.#order.length);
    this.#order.push({file, leaf, uses: 1});
  }

  get(file: number, leaf: number): Promise<Uint8Array<ArrayBuffer>> {
    const position = this.#positions.get(`${file}:${leaf}`)!;
    for (; this.#next < this.#order.length && this.#next <= position + ahead; this.#next += 1) this.#start(this.#order[this.#next]!);
    return this.#order[position]!.bytes!;
  }

  release(file: number, leaf: number): void {
    const wanted = this.#order[this.#positions.get(`${file}:${leaf}`)!]!;
    wanted.uses -= 1;
    if (wanted.uses === 0) delete wanted.bytes;
  }

  #start(wanted: Wanted): void {
    wanted.bytes = this.files[wanted.file]!.leaf(wanted.leaf, this.signal);
    // Whoever asks for these bytes sees the error; nobody may ask, once an earlier leaf has failed.
    wanted.bytes.then((bytes) => this.progress[wanted.file]?.add(bytes.byteLength), () => undefined);
  }
}

function byPlace(a: WeightInfo, b: WeightInfo): number {
  const [first, second] = [a.parts[0]!, b.parts[0]!];
  return first.file - second.file || first.begin - second.begin;
}

/** Bytes of distinct leaves that these weights lie in, by file: what a load will read. */
export function bytesWanted(files: ContentFile[], weights: WeightInfo[]): number[] {
  const leaves = files.map(() => new Set<number>());
  for (const part of weights.flatMap((weight) => weight.parts)) {
    for (const leaf of files[part.file]!.leavesOf(part.begin, part.end)) leaves[part.file]!.add(leaf);
  }
  return leaves.map((set, file) => [...set].reduce((sum, leaf) => sum + files[file]!.leaves[leaf]!.length, 0));
}

export function weightReader(
    files: ContentFile[], weights: WeightInfo[], progress: FileProgress[] = [], signal?: AbortSignal): WeightReader {
  return async (ids, take) => {
    const order = [...new Set(ids)].sort((a, b) => byPlace(weights[a]!, weights[b]!));
    const queue = new LeafQueue(files, progress, signal);
    const uses = order.map((id) => weights[id]!.parts.map((part) => files[part.file]!.leavesOf(part.begin, part.end)));
    order.forEach((id, i) => weights[id]!.parts.forEach((part, p) => uses[i]![p]!.forEach((leaf) => queue.add(part.file, leaf))));
    for (const [i, id] of order.entries()) {
      checkAborted(signal);
      const parts: WeightPart[] = [];
      for (const [p, part] of weights[id]!.parts.entries()) {
        const indices = uses[i]![p]!;
        const leaves = await Promise.all(indices.map((leaf) => queue.get(part.file, leaf)));
        const bytes = files[part.file]!.cut(indices, leaves, part.begin, part.end);
        parts.push({dtype: part.dtype, shape: part.shape, bytes});
      }
      await take(id, parts);
      weights[id]!.parts.forEach((part, p) => uses[i]![p]!.forEach((leaf) => queue.release(part.file, leaf)));
    }
  };
}
