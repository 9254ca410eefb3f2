// detect(): what this page or process can compute on, and what `auto` chooses and why.
import {cpuDevice} from './cpu';
import type {Devices} from './devices';
import {asError} from './errors';
import {wasmFeatures, type WasmFeatures} from './features';
import {listAdapters, type AdapterFacts, type Capabilities} from './gpuDevice';
import {browserName} from './result';
import type {Native} from './wasm';

export interface DeviceReport {
  browser: string;
  secure_context: boolean;
  cross_origin_isolated: boolean;
  cpu: {name: string; features: string[]; threads: number; program: string; wasm: WasmFeatures};
  webgpu: {
    /** Why there is none; empty when there is one. */
    problem: string;
    adapters: AdapterFacts[];
    /** What the engine uses of it, after the self-check. */
    capabilities?: Capabilities;
    /** Features refused by the self-check, with why. */
    switched_off: string[];
  };
  webnn: {problem: string; accelerated?: boolean; name?: string; limits?: Record<string, unknown>};
  auto: {platform: string; reason: string};
}

async function webgpuReport(devices: Devices): Promise<DeviceReport['webgpu']> {
  try {
    const adapters = await listAdapters();
    const gpu = await devices.gpu();
    return {problem: '', adapters, capabilities: gpu.capabilities, switched_off: gpu.switchedOff};
  } catch (error) {
    return {problem: asError(error).message, adapters: [], switched_off: []};
  }
}

async function webnnReport(devices: Devices): Promise<DeviceReport['webnn']> {
  try {
    const {accelerated, name, limits} = await devices.webnn();
    return {problem: '', name, limits, ...(accelerated === undefined ? {} : {accelerated})};
  } catch (error) {
    return {problem: asError(error).message};
  }
}

export async function describeDevices(native: Native, devices: Devices): Promise<DeviceReport> {
  const {device, reason} = await devices.choose('auto', true);
  return {
    browser: browserName(),
    secure_context: globalThis.isSecureContext ?? true,
    cross_origin_isolated: (globalThis as {crossOriginIsolated?: boolean}).crossOriginIsolated ?? false,
    cpu: {...cpuDevice(native), program: native.program, wasm: wasmFeatures()},
    webgpu: await webgpuReport(devices),
    webnn: await webnnReport(devices),
    auto: {platform: device.platform, reason},
  };
}
