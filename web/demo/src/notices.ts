// What is said above the answer: an error, or that the run was stopped.
import {IpfsAccelerateError} from 'ipfs_accelerate_js';
import {byId, element} from './elements';

export function showError(error: unknown): void {
  const {code, message} =
    error instanceof IpfsAccelerateError ? error : new IpfsAccelerateError('internal', String(error));
  const box = byId('error');
  box.dataset.code = code;
  box.replaceChildren(element('strong', {}, `Error: ${code}`), message);
  box.hidden = false;
}

/** What a person asked for is no error. */
export function showStopped(text: string): void {
  byId('stopped').textContent = text;
}

/** Once what it is about is changed. */
export function clearError(): void {
  byId('error').hidden = true;
}

export function clearNotices(): void {
  clearError();
  byId('stopped').textContent = '';
}
