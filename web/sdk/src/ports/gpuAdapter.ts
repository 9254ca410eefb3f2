// The adapter of navigator.gpu (in Node: of the package webgpu): what it says, and devices made of it.
import {fail} from '../errors';
import {isNode} from '../features';

/** What the engine asks for, by the names of the specification. */
export interface Wanted {
  limits: string[];
  features: string[];
}

async function gpuApi(): Promise<GPU> {
  if (globalThis.navigator?.gpu) return navigator.gpu;
  if (!isNode() && globalThis.isSecureContext === false)
    fail('no_adapter', 'no WebGPU: the page is not a secure context (https or localhost)');
  if (!isNode()) fail('no_adapter', 'no WebGPU: this browser has no WebGPU');
  try {
    // The name is not a literal, so that bundlers do not look for this optional package.
    const name = 'webgpu';
    const {create, globals} = (await import(name)) as {create(options: string[]): GPU; globals: object};
    for (const [key, value] of Object.entries(globals)) (globalThis as Record<string, unknown>)[key] ??= value;
    return create([]);
  } catch (error) {
    return fail('no_adapter', 'no WebGPU in Node: install the npm package webgpu', error);
  }
}

let api: Promise<GPU> | undefined;

export async function requestAdapter(): Promise<GPUAdapter> {
  api ??= gpuApi();
  const gpu = await api.catch((error: unknown) => {
    api = undefined;
    throw error;
  });
  const adapter = await gpu.requestAdapter({powerPreference: 'high-performance'});
  return adapter ?? fail('no_adapter', 'WebGPU has no usable adapter here');
}

const limitsOf = (of: GPUAdapter | GPUDevice, names: string[]): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, of.limits[name as keyof GPUSupportedLimits] as number]));

/** What an adapter says of itself, and it or a device made of it of its features and limits. */
export function factsOf({info}: GPUAdapter, of: GPUAdapter | GPUDevice, wanted: Wanted): object {
  const {vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize} = info;
  const {isFallbackAdapter} = info as {isFallbackAdapter?: boolean};
  const said = {vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize, isFallbackAdapter};
  return {...said, features: [...of.features], limits: limitsOf(of, wanted.limits)};
}

export function requestDevice(adapter: GPUAdapter, {limits, features}: Wanted): Promise<GPUDevice> {
  const requiredFeatures = features.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[];
  return adapter.requestDevice({requiredFeatures, requiredLimits: limitsOf(adapter, limits)});
}
