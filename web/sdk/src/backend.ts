// What the engine asks of a device in the page: compile one graph for a shape, run it. One file per device implements it.

/** Numbers for a graph's symbolic dimensions. */
export interface ShapeClass {
  batch: number;
  sequence: number;
  rows: number;
}

/** A dimension: a number, or the name of a symbol. */
export type Dim = number | keyof ShapeClass;

/** A graph's input or output. */
export interface ValueInfo {
  name: string;
  dtype: 'F32' | 'I32';
  dims: Dim[];
}

/** A run of nodes on one device; `graph` is the engine's handle for it. */
export interface Segment {
  platform: Platform;
  /** Why these nodes are not on the platform asked for; empty when they are. */
  reason: string;
  graph: number;
  nodes: number;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** Ids of the weights the segment uses. */
  weights: number[];
}

export type Platform = 'webgpu' | 'webnn' | 'cpu';

/** One stored tensor's bytes, as they lie in the file. Valid only while the callback that gets it runs. */
export interface WeightPart {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** Reads weights in the order in which they lie in the files and hands each over once; verified bytes only. */
export type WeightReader = (ids: Iterable<number>, take: (id: number, parts: WeightPart[]) => void | Promise<void>) => Promise<void>;

/** A graph compiled for one shape. Inputs and outputs are in the graph's order; f32 or i32 elements. */
export interface Executable {
  /** Bytes of activations on the device. */
  readonly activationBytes: number;
  run(inputs: Uint8Array[]): Promise<Uint8Array[]>;
  dispose(): void;
}

/** A graph on a device: keeps its weights and compiles any number of shapes. */
export interface Program {
  /** Bytes of weights on the device so far. */
  readonly weightBytes: number;
  /** What was done to make it fast, for Result.optimizations. */
  readonly optimizations: string[];
  /** Reads the weights it has not got yet. Errors are IpfsAccelerateError. */
  compile(shape: ShapeClass, read: WeightReader, signal?: AbortSignal): Promise<Executable>;
  dispose(): void;
}

/** The shape of a value, symbols bound. */
export function bindDims(dims: Dim[], shape: ShapeClass): number[] {
  return dims.map((dim) => (typeof dim === 'number' ? dim : shape[dim]));
}

/** Elements of a value of this shape. */
export function elementCount(dims: Dim[], shape: ShapeClass): number {
  return bindDims(dims, shape).reduce((product, dim) => product * dim, 1);
}
