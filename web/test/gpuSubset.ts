// Cases for adapters that compile slowly (SwiftShader: seconds per pipeline): as few pipelines as can be.
//
// `variants` covers every kernel variant of every op: a shader's text without its numbers, that is the same kernel file
// with the same optional parts, whatever the sizes. `kernels` covers every kernel file of every op once. Cases are taken greedily: the next one covers the most that is new per new pipeline.
import type {Capabilities} from '../sdk/src/gpuDevice';
import type {Native} from '../sdk/src/wasm';
import {openGraph, type ConformanceCase} from './conformanceCase';

export interface PipelineSpec {
  label: string;
  wgsl: string;
  bindings: GPUBufferBindingType[];
}
interface Recorded {
  c: ConformanceCase;
  pipelines: PipelineSpec[];
}

export function recordCases(native: Native, cases: ConformanceCase[], capabilities: Capabilities, precision: number): Recorded[] {
  return cases.map((c) => {
    const {graph} = openGraph(native, c);
    native.call('ia_record', [graph], JSON.stringify({...c.shape, capabilities, precision}));
    native.raw('ia_graph_free', graph);
    return {c, pipelines: (JSON.parse(native.takeText()) as {pipelines: PipelineSpec[]}).pipelines};
  });
}

export type SubsetKind = 'variants' | 'kernels';

/** The chosen cases, the pipelines they need, and how many variants or kernels they cover. */
export function gpuSubset(recorded: Recorded[], kind: SubsetKind): {cases: ConformanceCase[]; pipelines: PipelineSpec[]; variants: number} {
  const variants = new Set<string>(), compiled = new Map<string, PipelineSpec>(), cases: ConformanceCase[] = [];
  const variant = ({op}: ConformanceCase, {label, wgsl}: PipelineSpec) => `${op} ${kind === 'kernels' ? label : wgsl.replace(/\b\d[\w.+-]*/g, '#')}`;
  const worth = ({c, pipelines}: Recorded) => {
    const gain = pipelines.filter((spec) => !variants.has(variant(c, spec))).length;
    return gain / (1 + pipelines.filter(({wgsl}) => !compiled.has(wgsl)).length);
  };
  for (;;) {
    const best = recorded.reduce((one, other) => (worth(other) > worth(one) ? other : one));
    if (worth(best) === 0) return {cases, pipelines: [...compiled.values()], variants: variants.size};
    cases.push(best.c);
    for (const spec of best.pipelines) { variants.add(variant(best.c, spec)); compiled.set(spec.wgsl, spec); }
  }
}
