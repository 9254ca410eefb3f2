// How many WebNN contexts compute side by side faster than one: measured, because no browser says how many threads it uses.
import {newBuilder} from './webnnGraph';
import type {MLContext, MLTensor, MLGraph} from './webnnTypes';

const mostLanes = 4;
const rounds = 5;
/** A second copy of the weights must be worth it. */
const leastGain = 1.4;
/** A chain of matrix products, about 2 ms on one core. */
const rows = 64, width = 512, products = 6;

interface Probe {
  run(): Promise<unknown>;
}

async function makeProbe(context: MLContext): Promise<Probe> {
  const builder = newBuilder(context);
  const gemm = builder.gemm as (a: object, b: object, options: object) => object;
  const input = {dataType: 'float32', shape: [rows, width]};
  const weights = new Float32Array(width * width).fill(1 / width);
  let x: object = builder.input('x', input);
  for (let i = 0; i < products; i += 1) {
    x = gemm.call(builder, x, builder.constant({dataType: 'float32', shape: [width, width]}, weights), {bTranspose: true});
  }
  const graph: MLGraph = await builder.build({y: x as never});
  const from: MLTensor = await context.createTensor({...input, writable: true});
  const to: MLTensor = await context.createTensor({...input, readable: true});
  context.writeTensor(from, new Uint8Array(new Float32Array(rows * width).fill(1).buffer));
  return {
    run: () => {
      context.dispatch(graph, {x: from}, {y: to});
      return context.readTensor(to);
    },
  };
}

async function fastest(work: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const begin = performance.now();
    await work();
    best = Math.min(best, performance.now() - begin);
  }
  return best;
}

/** The contexts to spread a batch over, `first` among them. Contexts that bring nothing are closed again. */
export async function openLanes(first: MLContext, open: () => Promise<MLContext>): Promise<MLContext[]> {
  const count = Math.min(mostLanes, globalThis.navigator?.hardwareConcurrency ?? 1);
  if (first.accelerated === true || count < 2) return [first];
  const more: MLContext[] = [];
  try {
    for (let i = 1; i < count; i += 1) more.push(await open());
    const probes = await Promise.all([first, ...more].map(makeProbe));
    await Promise.all(probes.map((probe) => probe.run()));
    const alone = await fastest(() => probes[0]!.run());
    const together = await fastest(() => Promise.all(probes.map((probe) => probe.run())));
    if ((count * alone) / together >= leastGain) return [first, ...more];
  } catch {
    // A device that cannot run the probe is used as it is.
  }
  for (const context of more) context.destroy();
  return [first];
}
