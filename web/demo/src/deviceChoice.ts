// The choice of platform: what detect() found decides what can be chosen and what is said about it.
import type {DeviceReport} from 'ipfs_accelerate_js';
import {byId, element} from './elements';
import {count} from './format';

export type PlatformName = 'auto' | 'webgpu' | 'webnn' | 'cpu';
/** Platforms as people write them. */
export const names: Record<PlatformName, string> = {auto: 'Auto', webgpu: 'WebGPU', webnn: 'WebNN', cpu: 'CPU'};

interface Offer {
  problem: string;
  note: string;
}

function offers(report: DeviceReport): Record<PlatformName, Offer> {
  const {cpu, webgpu, webnn, auto} = report;
  const adapter = webgpu.adapters[0];
  const adapterName = adapter && [adapter.vendor, adapter.architecture, adapter.description || adapter.device].filter(Boolean).join(' ');
  return {
    auto: {problem: '', note: `Auto takes ${names[auto.platform as PlatformName] ?? auto.platform}: ${auto.reason}.`},
    webgpu: {problem: webgpu.problem, note: `${adapterName || 'An adapter that gives no name'}${adapter?.isRealHardware === false ? ', a software adapter: real shaders on the CPU' : ''}.`},
    webnn: {problem: webnn.problem, note: `${webnn.name ?? 'WebNN'}.`},
    cpu: {problem: '', note: `WebAssembly with ${cpu.features.join(', ')}, ${count(cpu.threads, 'thread')}.`},
  };
}

/** Shows the choices; what is missing stays visible, with the reason when pointed at. */
export function showDevices(report: DeviceReport, wanted: string | null): void {
  const found = offers(report);
  const list = byId('devices');
  for (const name of Object.keys(names) as PlatformName[]) {
    const {problem} = found[name];
    const radio = element('input', {type: 'radio', name: 'device', value: name, disabled: Boolean(problem)});
    radio.checked = name === (wanted && wanted in names && !found[wanted as PlatformName].problem ? wanted : 'auto');
    radio.addEventListener('change', () => tell(found));
    list.append(element('label', {title: problem}, radio, element('span', {}, names[name])));
  }
  tell(found);
  byId('facts').replaceChildren(...[
    report.browser, `SIMD: ${report.cpu.features.join(', ')}`, count(report.cpu.threads, 'thread'),
    ...(report.cross_origin_isolated ? [] : ['not cross-origin isolated']),
  ].map((text) => element('li', {}, text)));
}

function tell(found: Record<PlatformName, Offer>): void {
  const missing = (Object.keys(names) as PlatformName[]).filter((name) => found[name].problem).map((name) => names[name]);
  byId('device-note').textContent = found[chosenDevice()].note + (missing.length > 0 ? ` Not here: ${missing.join(', ')}.` : '');
}

export function chosenDevice(): PlatformName {
  return (document.querySelector<HTMLInputElement>('input[name=device]:checked')?.value ?? 'auto') as PlatformName;
}
