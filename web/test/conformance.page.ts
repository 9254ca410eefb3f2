// Conformance in the page: the cases of page_cases on one platform of the SDK.
// Query: cases = their folder, platform, precision, sdk = folder of the WebAssembly programs, threads, subset (gpuSubset.ts).
import {CpuProgram} from '../sdk/src/cpu';
import type {Program, Segment} from '../sdk/src/backend';
import {GpuDevice} from '../sdk/src/gpuDevice';
import {Native} from '../sdk/src/wasm';
import {GpuProgram} from '../sdk/src/webgpu';
import {WebnnDevice} from '../sdk/src/webnn';
import {runCase, type CaseResult, type ConformanceCase} from './conformanceCase';
import {gpuSubset, recordCases, type PipelineSpec, type SubsetKind} from './gpuSubset';
// @ts-expect-error plain JavaScript
import {report} from './report.js';

interface Opened {
  load(segment: Segment): Program;
  cases: ConformanceCase[];
  /** Of the subset. */
  variants?: number;
  pipelines?: number;
  close(): void;
}

const query = new URL(location.href).searchParams;
const subset = query.get('subset') as SubsetKind | null;
const precision = Number(query.get('precision') ?? 32);

/** All at once, so that every core compiles; the programs then find them on the device. A failure shows in its case. */
async function compileAll(gpu: GpuDevice, specs: PipelineSpec[]): Promise<number> {
  const made = new Set(specs.map(({label, wgsl, bindings}) => gpu.pipeline(label, wgsl, bindings)));
  await Promise.allSettled(made);
  return made.size;
}

const platforms: Record<string, (native: Native, cases: ConformanceCase[]) => Promise<Opened>> = {
  cpu: async (native, cases) => ({
    cases, close: () => undefined,
    load: (segment) => new CpuProgram(native, segment, {precision, threads: native.threads}),
  }),
  webnn: async (native, cases) => {
    const device = await WebnnDevice.open('cpu');
    const other = await WebnnDevice.open('cpu');
    device.lanes = async () => [device.context, other.context]; // not measured here: both ways must be right
    return {cases, load: (segment) => device.load(native, segment, precision), close: () => { device.close(); other.close(); }};
  },
  webgpu: async (native, cases) => {
    const gpu = await GpuDevice.open();
    const recorded = recordCases(native, cases, gpu.capabilities, precision);
    const chosen = subset ? gpuSubset(recorded, subset) : {cases, pipelines: recorded.flatMap(({pipelines}) => pipelines)};
    return {
      ...chosen,
      load: (segment) => new GpuProgram(native, gpu, segment, precision),
      pipelines: await compileAll(gpu, chosen.pipelines),
      close: () => gpu.device.destroy(),
    };
  },
};

report(async () => {
  const folder = query.get('cases')!;
  const all = (await (await fetch(`${folder}/cases.json`)).json()) as ConformanceCase[];
  const blob = await (await fetch(`${folder}/cases.bin`)).arrayBuffer();
  const native = await Native.load({folder: new URL(query.get('sdk')!, location.href).href, threads: Number(query.get('threads') ?? 0)});
  const {load, cases, variants, pipelines, close} = await platforms[query.get('platform')!]!(native, all);
  const results: CaseResult[] = [];
  for (const c of cases) results.push(await runCase(native, c, blob, load));
  close();
  return {results, all: all.length, variants, pipelines, program: native.program, threads: native.threads};
});
