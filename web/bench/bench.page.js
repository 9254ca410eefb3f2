// The SDK and onnxruntime-web take turns on the same weights and token counts; reports medians in milliseconds.
import * as sdk from './sdk/index.js';
import * as ort from './ort/ort.all.min.mjs';

const query = new URLSearchParams(location.search);
const platform = query.get('platform'),
  threads = Number(query.get('threads'));
const shapes = JSON.parse(query.get('shapes'));

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

async function timed(call) {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

/** Texts that tokenize to exactly `sequence` tokens: words of the vocabulary between [CLS] and [SEP]. */
function texts(batch, sequence) {
  return Array.from({length: batch}, (_, b) =>
    Array.from({length: sequence - 2}, (_, s) => `w${(b * 7919 + s * 31) % 30000}`).join(' '),
  );
}

async function peerSession(batch, sequence) {
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL('./ort/', location.href).href;
  const provider = platform === 'webnn' ? {name: 'webnn', deviceType: 'cpu'} : 'wasm';
  return ort.InferenceSession.create('./model/model.onnx', {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    freeDimensionOverrides: {batch, sequence},
  });
}

function peerInputs(batch, sequence) {
  const count = batch * sequence;
  const tensor = (value) => new ort.Tensor('int64', BigInt64Array.from({length: count}, value), [batch, sequence]);
  return {
    input_ids: tensor((_, i) => BigInt(1000 + ((i * 31) % 20000))),
    attention_mask: tensor(() => 1n),
    token_type_ids: tensor(() => 0n),
  };
}

async function compare([batch, sequence]) {
  const model = new URL('./model/', location.href).href,
    content = texts(batch, sequence);
  const config = {platform, threads, allow_fallback: false, task: 'feature-extraction'};
  let first;
  const ours = async () => {
    first = await sdk.accelerate(model, content, config);
  };
  const session = await peerSession(batch, sequence),
    inputs = peerInputs(batch, sequence);
  const peer = () => session.run(inputs);
  await ours();
  await peer();
  if (first.tokens !== batch * sequence) throw new Error(`${first.tokens} tokens instead of ${batch * sequence}`);
  // In turns of a few runs each: a nap lets the other side's threads stop spinning, one run warms the caches again.
  const runs = Math.max(1, Math.min(10, Math.round(500 / (await timed(ours)))));
  const turn = async (times, call) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await call();
    for (let run = 0; run < runs; ++run) times.push(await timed(call));
  };
  const mine = [],
    theirs = [];
  for (let round = 0; round < 4; ++round) {
    await turn(mine, ours);
    await turn(theirs, peer);
  }
  await session.release();
  return {
    batch,
    sequence,
    ours: median(mine),
    peer: median(theirs),
    adapter: first.adapter_info,
    optimizations: first.optimizations,
    segments: first.segments,
  };
}

async function run() {
  const rows = [];
  for (const shape of shapes) rows.push(await compare(shape));
  return {rows};
}

const result = await run().catch((error) => ({error: `${error.message}\n${error.stack}`}));
await fetch(query.get('report'), {method: 'POST', body: JSON.stringify(result), mode: 'cors'});
