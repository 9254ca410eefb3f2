// detect(): what this page or process can compute on, and what `auto` chooses and why.
import {wasmFeatures, type WasmFeatures} from './features';

/** A device as the engine lists it. */
export interface FoundDevice {
  platform: string;
  name: string;
  vendor: string;
  architecture: string;
  driver: string;
  /** False for software adapters, which compute on the CPU (SwiftShader, llvmpipe, WARP). */
  is_real_hardware: boolean;
  features: string[];
  limits: Record<string, number>;
  /** Features refused by the self-check or a quirk, with why. */
  switched_off: string[];
  /** CPU only. */
  threads?: number;
}
/** What the engine finds. */
export interface FoundDevices {
  browser: string;
  devices: FoundDevice[];
  webgpu_error?: {message: string};
  webnn_error?: {message: string};
  auto: {platform: string; reason: string};
}

export interface DeviceReport {
  browser: string;
  secure_context: boolean;
  cross_origin_isolated: boolean;
  cpu: FoundDevice & {threads: number; program: string; wasm: WasmFeatures};
  /** `problem` says why there is none; it is empty when there is one. */
  webgpu: {problem: string; adapters: FoundDevice[]; switched_off: string[]};
  webnn: {problem: string; name?: string; accelerated?: boolean};
  auto: {platform: string; reason: string};
}

export function reportDevices({browser, devices, auto, ...errors}: FoundDevices, program: string): DeviceReport {
  const on = (platform: string) => devices.filter((device) => device.platform === platform);
  const [[cpu], [webnn], adapters] = [on('cpu'), on('webnn'), on('webgpu')];
  return {
    browser,
    secure_context: globalThis.isSecureContext ?? true,
    cross_origin_isolated: (globalThis as {crossOriginIsolated?: boolean}).crossOriginIsolated ?? false,
    cpu: {...cpu!, threads: cpu!.threads ?? 1, program, wasm: wasmFeatures()},
    webgpu: {
      problem: errors.webgpu_error?.message ?? '',
      adapters,
      switched_off: adapters.flatMap((gpu) => gpu.switched_off),
    },
    webnn: webnn
      ? {problem: '', name: webnn.name, accelerated: webnn.is_real_hardware}
      : {problem: errors.webnn_error?.message ?? ''},
    auto: {platform: auto.platform, reason: auto.reason},
  };
}
