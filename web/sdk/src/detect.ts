// detect(): what this page or process can compute on, and what `auto` chooses and why.
import {wasmFeatures, type WasmFeatures} from './features';

/** A device as the engine lists it. */
interface FoundDevice {
  platform: string;
  name: string;
  vendor: string;
  architecture: string;
  driver: string;
  is_real_hardware: boolean;
  features: string[];
  limits: Record<string, number>;
  switched_off: string[];
  threads: number;
}
export interface FoundDevices {
  browser: string;
  devices: FoundDevice[];
  webgpu_error?: string;
  webnn_error?: string;
  auto: {platform: string; device: string; reason: string};
}

export interface AdapterFacts {
  name: string;
  vendor: string;
  architecture: string;
  description: string;
  /** False for adapters that compute on the CPU (SwiftShader, llvmpipe, WARP). */
  isRealHardware: boolean;
  features: string[];
  limits: Record<string, number>;
}

export interface DeviceReport {
  browser: string;
  secure_context: boolean;
  cross_origin_isolated: boolean;
  cpu: {name: string; features: string[]; threads: number; program: string; wasm: WasmFeatures};
  webgpu: {
    /** Why there is none; empty when there is one. */
    problem: string;
    adapters: AdapterFacts[];
    /** Features refused by the self-check, with why. */
    switched_off: string[];
  };
  webnn: {problem: string; accelerated?: boolean; name?: string};
  auto: {platform: string; reason: string};
}

export function reportDevices(
  {browser, devices, webgpu_error: noGpu = '', webnn_error: noWebnn = '', auto}: FoundDevices,
  program: string,
): DeviceReport {
  const on = (platform: string) => devices.filter((device) => device.platform === platform);
  const [cpu] = on('cpu'),
    [webnn] = on('webnn'),
    gpus = on('webgpu');
  return {
    browser,
    secure_context: globalThis.isSecureContext ?? true,
    cross_origin_isolated: (globalThis as {crossOriginIsolated?: boolean}).crossOriginIsolated ?? false,
    cpu: {name: cpu!.name, features: cpu!.features, threads: cpu!.threads, program, wasm: wasmFeatures()},
    webgpu: {
      problem: noGpu,
      adapters: gpus.map(
        ({name, vendor, architecture, driver, is_real_hardware: isRealHardware, features, limits}) => ({
          name,
          vendor,
          architecture,
          description: driver,
          isRealHardware,
          features,
          limits,
        }),
      ),
      switched_off: gpus.flatMap((gpu) => gpu.switched_off),
    },
    webnn: webnn ? {problem: '', name: webnn.name, accelerated: webnn.is_real_hardware} : {problem: noWebnn},
    auto: {platform: auto.platform, reason: auto.reason},
  };
}
