// Tensor: numbers with a shape, as transformers.js returns them.

export class Tensor {
  readonly type = 'float32';
  constructor(
    readonly data: Float32Array,
    readonly dims: number[],
  ) {}

  get size(): number {
    return this.data.length;
  }

  /** Nested arrays, outermost dimension first. */
  tolist(): unknown {
    const build = (level: number, offset: number, size: number): unknown => {
      if (level === this.dims.length) return this.data[offset];
      const step = size / this.dims[level]!;
      return Array.from({length: this.dims[level]!}, (_, i) => build(level + 1, offset + i * step, step));
    };
    return build(0, 0, this.size);
  }
}
