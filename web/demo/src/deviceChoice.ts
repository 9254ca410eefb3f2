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

function simdOf({cpu}: DeviceReport): string {
  return cpu.features.filter((feature) => feature !== 'threads').join(', ');
}

function offers(report: DeviceReport): Record<PlatformName, Offer> {
  const {cpu, webgpu, webnn, auto} = report;
  const adapter = webgpu.adapters[0];
  const adapterName = adapter?.name;
  const isSoftware = adapter?.is_real_hardware === false;
  return {
    auto: {problem: '', note: `Auto takes ${names[auto.platform as PlatformName] ?? auto.platform}: ${auto.reason}.`},
    webgpu: {
      problem: webgpu.problem,
      note: `${adapterName || 'An adapter that gives no name'}${isSoftware ? ', a software adapter: real shaders on the CPU' : ''}.`,
    },
    webnn: {problem: webnn.problem, note: `${webnn.name ?? 'WebNN'}.`},
    cpu: {problem: '', note: `WebAssembly with ${simdOf(report)}, ${count(cpu.threads, 'thread')}.`},
  };
}

let found: Record<PlatformName, Offer> | undefined;

/** Shows the choices, before it is known which of them this browser has. */
export function offerDevices(wanted: string | null): void {
  const chosen = wanted && wanted in names ? wanted : 'auto';
  byId('devices').replaceChildren(
    ...(Object.keys(names) as PlatformName[]).map((name) => {
      const radio = element('input', {type: 'radio', name: 'device', value: name, checked: name === chosen});
      radio.addEventListener('change', tell);
      return element('label', {}, radio, element('span', {}, names[name]));
    }),
  );
}

/** What is missing stays visible, but cannot be chosen any more. */
export function describeDevices(report: DeviceReport): void {
  found = offers(report);
  for (const radio of document.querySelectorAll<HTMLInputElement>('input[name=device]')) {
    const {problem} = found[radio.value as PlatformName];
    radio.disabled = Boolean(problem);
    radio.parentElement!.title = problem;
    if (problem && radio.checked)
      document.querySelector<HTMLInputElement>('input[name=device][value=auto]')!.checked = true;
  }
  tell();
  byId('facts').replaceChildren(
    ...[
      report.browser,
      simdOf(report),
      count(report.cpu.threads, 'thread'),
      ...(report.cross_origin_isolated ? [] : ['not cross-origin isolated']),
    ].map((text) => element('li', {}, text)),
  );
}

function tell(): void {
  if (!found) return;
  const offer = found;
  const missing = (Object.keys(names) as PlatformName[])
    .filter((name) => offer[name].problem)
    .map((name) => names[name]);
  byId('device-note').textContent =
    offer[chosenDevice()].note + (missing.length > 0 ? ` Not here: ${missing.join(', ')}.` : '');
}

export function chosenDevice(): PlatformName {
  return (document.querySelector<HTMLInputElement>('input[name=device]:checked')?.value ?? 'auto') as PlatformName;
}
