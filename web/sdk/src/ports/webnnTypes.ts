// The part of the WebNN API that the SDK uses (TypeScript's own libraries do not have it yet), and the lowered graph.

export interface MLOperandDescriptor {
  dataType: string;
  shape: number[];
}
export type MLTensorDescriptor = MLOperandDescriptor & {readable?: boolean; writable?: boolean};
export type MLOperand = object;
export interface MLTensor {
  destroy(): void;
}
export interface MLGraph {
  destroy?(): void;
}
export interface MLContext {
  readonly accelerated?: boolean;
  readonly lost: Promise<{message: string}>;
  opSupportLimits(): Record<string, unknown>;
  createTensor(descriptor: MLTensorDescriptor): Promise<MLTensor>;
  writeTensor(tensor: MLTensor, data: Uint8Array): void;
  readTensor(tensor: MLTensor): Promise<ArrayBuffer>;
  dispatch(graph: MLGraph, inputs: Record<string, MLTensor>, outputs: Record<string, MLTensor>): void;
  destroy(): void;
}
export interface ML {
  createContext(options?: {deviceType?: string; powerPreference?: string}): Promise<MLContext>;
}

/** A builder's methods are called by the names in the lowered graph. */
export interface MLGraphBuilder extends Record<string, unknown> {
  input(name: string, descriptor: MLOperandDescriptor): MLOperand;
  constant(descriptor: MLOperandDescriptor, data: ArrayBufferView): MLOperand;
  build(outputs: Record<string, MLOperand>): Promise<MLGraph>;
}
export type MLGraphBuilderConstructor = new (context: MLContext) => MLGraphBuilder;
export type BuilderMethod = (...parameters: unknown[]) => MLOperand | MLOperand[];

interface LoweredValue extends MLOperandDescriptor {
  operand: number;
}

/** A graph as MLGraphBuilder calls; docs/webnn.md describes it. */
export interface LoweredGraph {
  version: 1;
  operands: number;
  inputs: (LoweredValue & {name: string; used: boolean})[];
  constants: (LoweredValue & {weight?: number; values?: number[]})[];
  calls: {
    op: string;
    operands: number[];
    arguments: unknown[];
    options: Record<string, unknown>;
    named: Record<string, number>;
    results: number[];
  }[];
  outputs: (LoweredValue & {name: string})[];
}
