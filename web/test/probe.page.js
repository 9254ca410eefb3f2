// The probe: what this browser really offers for compute. Every claim is a computed number, not a feature flag.
import {report} from './report.js';

const size = 8;
const left = Float32Array.from({length: size * size}, (_, i) => Math.sin(i));
const right = Float32Array.from({length: size * size}, (_, i) => Math.cos(i * 0.7));

function expected() {
  return Float32Array.from({length: size * size}, (_, i) => {
    let sum = 0;
    for (let k = 0; k < size; k++) sum += left[Math.floor(i / size) * size + k] * right[k * size + (i % size)];
    return sum;
  });
}
const worstError = (values) => expected().reduce((worst, value, i) => Math.max(worst, Math.abs(value - values[i])), 0);

const shader = `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(${size}, ${size}) fn main(@builtin(local_invocation_id) id: vec3u) {
  var sum = 0.0;
  for (var k = 0u; k < ${size}u; k++) { sum += a[id.y * ${size}u + k] * b[k * ${size}u + id.x]; }
  c[id.y * ${size}u + id.x] = sum;
}`;

async function webgpu() {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return null;
  const device = await adapter.requestDevice();
  const buffer = (data) => {
    const made = device.createBuffer({
      size: 4 * size * size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    });
    if (data) device.queue.writeBuffer(made, 0, data);
    return made;
  };
  const buffers = [buffer(left), buffer(right), buffer()];
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: {module: device.createShaderModule({code: shader})},
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((b, binding) => ({binding, resource: {buffer: b}})),
  });
  const back = device.createBuffer({size: 4 * size * size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST});
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(buffers[2], 0, back, 0, 4 * size * size);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(GPUMapMode.READ);
  const {vendor, architecture, device: name, description, isFallbackAdapter} = adapter.info;
  return {
    vendor,
    architecture,
    name,
    description,
    isFallbackAdapter,
    features: [...adapter.features].sort(),
    error: worstError(new Float32Array(back.getMappedRange())),
  };
}

async function webnn() {
  if (!navigator.ml) return null;
  const context = await navigator.ml.createContext({deviceType: 'cpu'});
  const limits = context.opSupportLimits();
  const descriptor = {dataType: 'float32', shape: [size, size]};
  const builder = new MLGraphBuilder(context);
  const product = builder.matmul(builder.input('a', descriptor), builder.constant(descriptor, right));
  const graph = await builder.build({c: product});
  const a = await context.createTensor({...descriptor, writable: true});
  const c = await context.createTensor({...descriptor, readable: true});
  context.writeTensor(a, left);
  context.dispatch(graph, {a}, {c});
  const values = new Float32Array(await context.readTensor(c));
  return {accelerated: context.accelerated ?? null, limits, error: worstError(values)};
}

/** Whether this module compiles here: the smallest one that uses the instruction. */
const compiles = (body) =>
  WebAssembly.validate(
    new Uint8Array([
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      5,
      1,
      96,
      0,
      1,
      123,
      3,
      2,
      1,
      0,
      10,
      body.length + 4,
      1,
      body.length + 2,
      0,
      ...body,
      11,
    ]),
  );
const splat = [65, 0, 253, 15]; // i32.const 0, i8x16.splat

report(async () => ({
  agent: navigator.userAgent,
  isolated: crossOriginIsolated,
  threads: navigator.hardwareConcurrency,
  sharedMemory:
    crossOriginIsolated && typeof new WebAssembly.Memory({initial: 1, maximum: 1, shared: true}).buffer === 'object',
  simd: compiles([...splat]),
  relaxedSimd: compiles([...splat, ...splat, 253, 128, 2]), // i8x16.relaxed_swizzle
  opfs: Boolean(await navigator.storage?.getDirectory?.().catch(() => null)),
  webgpu: await webgpu(),
  webnn: await webnn(),
}));
