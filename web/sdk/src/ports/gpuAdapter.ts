// The adapter of navigator.gpu (in Node: of the package webgpu): its facts, and what may be asked of it.
import {fail} from '../errors';
import {isNode} from '../features';

/** Field names as in the engine's DeviceInfo. */
export interface AdapterFacts {
  name: string;
  vendor: string;
  architecture: string;
  description: string;
  /** False for adapters that compute on the CPU (SwiftShader, llvmpipe, WARP). */
  is_real_hardware: boolean;
  features: string[];
  limits: Record<string, number>;
}

const wantedLimits = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBuffersPerShaderStage',
] as const;
const software = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

async function gpuApi(): Promise<GPU> {
  if (globalThis.navigator?.gpu) return navigator.gpu;
  if (!isNode()) {
    const why =
      globalThis.isSecureContext === false
        ? 'the page is not a secure context (https or localhost)'
        : 'this browser has no WebGPU';
    return fail('no_adapter', `no WebGPU: ${why}`);
  }
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

export function adapterFacts(adapter: GPUAdapter): AdapterFacts {
  const {vendor, architecture, device, description} = adapter.info;
  const fallback = (adapter.info as {isFallbackAdapter?: boolean}).isFallbackAdapter === true;
  const isRealHardware = !fallback && !software.test([vendor, architecture, device, description].join(' '));
  const limits: Record<string, number> = {};
  for (const name of wantedLimits) limits[name] = adapter.limits[name];
  const named = [...new Set([vendor, architecture, description || device])].filter(Boolean).join(' ');
  return {
    name: named || `a ${isRealHardware ? 'GPU' : 'software adapter'} that the browser does not name`,
    vendor,
    architecture,
    description: description || device,
    is_real_hardware: isRealHardware,
    features: [...adapter.features].sort(),
    limits,
  };
}

/** Field names as in the engine's webgpu::Capabilities. */
export function capabilitiesOf({features, limits}: GPUDevice, adapter: GPUAdapter): object {
  const info = adapter.info as GPUAdapterInfo & {subgroupMinSize?: number; subgroupMaxSize?: number};
  return {
    shader_f16: features.has('shader-f16'),
    subgroups: features.has('subgroups' as GPUFeatureName),
    subgroup_min_size: info.subgroupMinSize ?? 0,
    subgroup_max_size: info.subgroupMaxSize ?? 0,
    max_storage_binding: limits.maxStorageBufferBindingSize,
    max_buffer: limits.maxBufferSize,
    max_workgroup_storage: limits.maxComputeWorkgroupStorageSize,
    max_workgroup_invocations: limits.maxComputeInvocationsPerWorkgroup,
    max_workgroups_per_dimension: limits.maxComputeWorkgroupsPerDimension,
  };
}
