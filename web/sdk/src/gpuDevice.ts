// GpuDevice: one adapter opened for computing, its facts, and what may be asked of it.
import {asError, fail} from './errors';
import {isNode} from './features';

/** Field names as in the engine's webgpu::Capabilities. */
export interface Capabilities {
  shader_f16: boolean;
  subgroups: boolean;
  subgroup_min_size: number;
  subgroup_max_size: number;
  max_storage_binding: number;
  max_buffer: number;
  max_workgroup_storage: number;
  max_workgroup_invocations: number;
  max_workgroups_per_dimension: number;
}

export interface AdapterFacts {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** False for adapters that compute on the CPU (SwiftShader, llvmpipe, WARP). */
  isRealHardware: boolean;
  features: string[];
  limits: Record<string, number>;
}

const wantedFeatures = ['shader-f16', 'subgroups'];
const wantedLimits = [
  'maxStorageBufferBindingSize', 'maxBufferSize', 'maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX', 'maxComputeWorkgroupSizeY', 'maxComputeWorkgroupSizeZ', 'maxComputeWorkgroupsPerDimension',
  'maxStorageBuffersPerShaderStage',
] as const;
const software = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

async function gpuApi(): Promise<GPU> {
  if (globalThis.navigator?.gpu) return navigator.gpu;
  if (!isNode()) {
    const why = globalThis.isSecureContext === false ? 'the page is not a secure context (https or localhost)' : 'this browser has no WebGPU';
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

async function requestAdapter(): Promise<GPUAdapter> {
  api ??= gpuApi();
  const gpu = await api.catch((error: unknown) => {
    api = undefined;
    throw error;
  });
  const adapter = await gpu.requestAdapter({powerPreference: 'high-performance'});
  return adapter ?? fail('no_adapter', 'WebGPU has no usable adapter here');
}

function adapterFacts(adapter: GPUAdapter): AdapterFacts {
  const {vendor, architecture, device, description} = adapter.info;
  const fallback = (adapter.info as {isFallbackAdapter?: boolean}).isFallbackAdapter === true;
  const limits: Record<string, number> = {};
  for (const name of wantedLimits) limits[name] = adapter.limits[name];
  return {
    vendor, architecture, device, description,
    isRealHardware: !fallback && !software.test([vendor, architecture, device, description].join(' ')),
    features: [...adapter.features].sort(),
    limits,
  };
}

/** Facts alone; no device is opened. no_adapter says why there is none. */
export async function listAdapters(): Promise<AdapterFacts[]> {
  return [adapterFacts(await requestAdapter())];
}

export function adapterName({vendor, architecture, device, description, isRealHardware}: AdapterFacts): string {
  return [...new Set([vendor, architecture, description || device])].filter(Boolean).join(' ') || (isRealHardware ? 'a GPU that the browser does not name' : 'a software adapter that the browser does not name');
}

export class GpuDevice {
  /** Set when the device went away. */
  lost: string | undefined;
  /** Features the self-check refused, with why. */
  readonly switchedOff: string[] = [];
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  private constructor(readonly device: GPUDevice, readonly facts: AdapterFacts, public capabilities: Capabilities) {
    void device.lost.then((info) => { this.lost = info.message || info.reason || 'the device is gone'; });
  }

  static async open(): Promise<GpuDevice> {
    const adapter = await requestAdapter();
    const facts = adapterFacts(adapter);
    const features = wantedFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[];
    try {
      const device = await adapter.requestDevice({requiredFeatures: features, requiredLimits: facts.limits});
      return new GpuDevice(device, facts, capabilitiesOf(device, adapter));
    } catch (error) {
      throw asError(error, 'no_adapter');
    }
  }

  get name(): string {
    return adapterName(this.facts);
  }

  checkAlive(): void {
    if (this.lost !== undefined) fail('device_lost', `the WebGPU device was lost: ${this.lost}`);
  }

  /** A pipeline by its shader text; equal texts are compiled once. shader_compile quotes the compiler. */
  pipeline(label: string, code: string, bindings: GPUBufferBindingType[]): Promise<GPUComputePipeline> {
    const key = `${bindings.join()} ${code}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(label, code, bindings);
      this.#pipelines.set(key, pipeline);
      pipeline.catch(() => this.#pipelines.delete(key));
    }
    return pipeline;
  }

  async #compile(label: string, code: string, bindings: GPUBufferBindingType[]): Promise<GPUComputePipeline> {
    const entries = bindings.map((type, binding) => ({binding, visibility: 4 /* COMPUTE */, buffer: {type}}));
    const layout = this.device.createPipelineLayout({bindGroupLayouts: [this.device.createBindGroupLayout({entries})]});
    const module = this.device.createShaderModule({label, code});
    try {
      return await this.device.createComputePipelineAsync({label, layout, compute: {module, entryPoint: 'main'}});
    } catch (error) {
      const info = await module.getCompilationInfo();
      const messages = info.messages.filter((message) => message.type === 'error').map((message) => `${message.lineNum}: ${message.message}`);
      return fail('shader_compile', `the kernel ${label} does not compile on ${this.name}: ${messages.join('; ') || String(error)}`, error);
    }
  }
}

function capabilitiesOf(device: GPUDevice, adapter: GPUAdapter): Capabilities {
  const info = adapter.info as GPUAdapterInfo & {subgroupMinSize?: number; subgroupMaxSize?: number};
  const {limits} = device;
  return {
    shader_f16: device.features.has('shader-f16'),
    subgroups: device.features.has('subgroups' as GPUFeatureName),
    subgroup_min_size: info.subgroupMinSize ?? 0,
    subgroup_max_size: info.subgroupMaxSize ?? 0,
    max_storage_binding: limits.maxStorageBufferBindingSize,
    max_buffer: limits.maxBufferSize,
    max_workgroup_storage: limits.maxComputeWorkgroupStorageSize,
    max_workgroup_invocations: limits.maxComputeInvocationsPerWorkgroup,
    max_workgroups_per_dimension: limits.maxComputeWorkgroupsPerDimension,
  };
}
