// Time: sleeping, and giving other events a turn.
import type {PortRequest, Ports} from '../border';
import {IpfsAccelerateError} from '../errors';

function sleep({numbers: [seconds], signal}: PortRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds! * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new IpfsAccelerateError('cancelled', 'the caller asked to stop'));
    });
  });
}

/** Resolves in the next task. Timers would do it too, but browsers make the fifth in a row wait 4 ms. */
function nextTask(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => void setImmediate(resolve));
  return new Promise((resolve) => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

export const timePort: Ports['requests'] = {sleep, turn: nextTask};
