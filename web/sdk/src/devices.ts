// Devices: which platforms this page has, the choice `auto` makes, and opening them once.
import {CpuProgram, cpuDevice} from './cpu';
import type {Platform, Program, Segment} from './backend';
import {asError} from './errors';
import {GpuDevice, adapterName, listAdapters} from './gpuDevice';
import {selfCheck} from './selfCheck';
import type {Native} from './wasm';
import {GpuProgram} from './webgpu';
import {WebnnDevice} from './webnn';

/** A platform that is open for work. */
export interface OpenDevice {
  platform: Platform;
  gpu?: GpuDevice;
  webnn?: WebnnDevice;
}

export interface Choice {
  device: OpenDevice;
  /** Why this platform. */
  reason: string;
  /** Why another platform than asked for; empty otherwise. */
  fallback: string;
}

/** Open devices of one engine. A device that failed to open is tried again with the next request. */
export class Devices {
  #gpu: Promise<GpuDevice> | undefined;
  #webnn: Promise<WebnnDevice> | undefined;
  constructor(readonly native: () => Promise<Native>) {}

  /** The WebGPU device, checked against the CPU before its first use. no_adapter, self_check_failed. */
  gpu(): Promise<GpuDevice> {
    this.#gpu ??= this.#openGpu().catch((error: unknown) => {
      this.#gpu = undefined;
      throw asError(error, 'no_adapter');
    });
    return this.#gpu;
  }

  async #openGpu(): Promise<GpuDevice> {
    const gpu = await GpuDevice.open();
    void gpu.device.lost.then(() => { this.#gpu = undefined; });
    await selfCheck(await this.native(), gpu);
    return gpu;
  }

  webnn(): Promise<WebnnDevice> {
    this.#webnn ??= WebnnDevice.open().catch((error: unknown) => {
      this.#webnn = undefined;
      throw asError(error, 'no_adapter');
    });
    return this.#webnn;
  }

  async open(platform: Platform): Promise<OpenDevice> {
    if (platform === 'webgpu') return {platform, gpu: await this.gpu()};
    if (platform === 'webnn') {
      const webnn = await this.webnn();
      webnn.check();
      return {platform, webnn};
    }
    return {platform};
  }

  /** The device for a configuration; `auto` takes a real GPU, then an accelerated WebNN context, then the CPU. */
  async choose(platform: Platform | 'auto', allowFallback: boolean): Promise<Choice> {
    if (platform === 'auto') return this.#auto();
    try {
      return {device: await this.open(platform), reason: `${platform} was asked for`, fallback: ''};
    } catch (error) {
      if (!allowFallback || platform === 'cpu') throw error;
      const why = `${platform} cannot be used: ${asError(error).message}`;
      return {device: {platform: 'cpu'}, reason: why, fallback: why};
    }
  }

  async #auto(): Promise<Choice> {
    const missing: string[] = [];
    const note = (error: unknown) => { missing.push(asError(error).message); };
    // A software adapter is not opened: checking it would cost more than most runs.
    const [facts] = (await listAdapters().catch(note)) ?? [];
    const gpu = facts?.isRealHardware ? await this.gpu().catch(note) : undefined;
    if (gpu) return {device: {platform: 'webgpu', gpu}, reason: `${gpu.name} is a real GPU`, fallback: ''};
    if (facts && !facts.isRealHardware) missing.push(`${adapterName(facts)} is a software adapter, slower than WebAssembly`);
    const webnn = await this.webnn().catch(note);
    if (webnn?.accelerated === true) {
      return {device: {platform: 'webnn', webnn}, reason: 'WebNN says that an accelerator computes', fallback: ''};
    }
    if (webnn) missing.push('WebNN names no accelerator');
    return {device: {platform: 'cpu'}, reason: `WebAssembly on the CPU: ${missing.join('; ')}`, fallback: ''};
  }
}

/** Bits the device computes in when `wanted` are asked for. */
export function usablePrecision(device: OpenDevice, wanted: number): number {
  if (wanted !== 16) return 32;
  if (device.gpu) return device.gpu.capabilities.shader_f16 ? 16 : 32;
  return device.webnn?.hasFloat16 ? 16 : 32;
}

export function makeProgram(native: Native, device: OpenDevice, segment: Segment, precision: number, threads: number): Program {
  if (segment.platform === 'cpu') return new CpuProgram(native, segment, {precision: 32, threads: threads || native.threads});
  if (device.gpu) return new GpuProgram(native, device.gpu, segment, precision);
  return device.webnn!.load(native, segment, precision);
}

/** What computes, for people and for Result.adapter_info. */
export function deviceName(native: Native, device: OpenDevice): string {
  if (device.gpu) return device.gpu.name;
  if (device.webnn) return device.webnn.name;
  const {name, threads, features} = cpuDevice(native);
  return `${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${features.join(' ')}`;
}
