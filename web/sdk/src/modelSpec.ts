// ModelSpec: which model is meant, said so that a worker understands it too.
import {fail} from './errors';
import {isNode} from './features';

/** A CID (also ipfs://CID/path and /ipfs/CID/path), the address of a folder, a folder on disk (Node), or one of these as an object. */
export type ModelName = string | {cid: string; gateway?: string} | {url: string} | {folder: string};

export type ModelSpec =
  | {kind: 'cid'; path: string; gateways: string[]}
  | {kind: 'url'; url: string}
  | {kind: 'disk'; folder: string};

const cidText = /^(Qm[1-9A-HJ-NP-Za-km-z]{44}|[bB][a-zA-Z2-7]{20,}|[zZkKfFuU][\w-]{20,})(\/|$)/;

function fromText(name: string): ModelSpec {
  if (/^(ipfs:\/\/|\/ipfs\/)/.test(name) || cidText.test(name)) return {kind: 'cid', path: name, gateways: []};
  if (/^https?:\/\//.test(name)) return {kind: 'url', url: name};
  if (isNode()) return {kind: 'disk', folder: name};
  if (/^\.{0,2}\//.test(name)) return {kind: 'url', url: new URL(name, globalThis.document?.baseURI ?? location.href).href};
  return fail('not_found', `'${name}' is no CID and no address of a folder; give a CID, or an address that begins with / or https://`);
}

export function modelSpec(name: ModelName): ModelSpec {
  if (typeof name === 'string' && name !== '') return fromText(name);
  if (typeof name === 'object' && name !== null) {
    if ('cid' in name) return {kind: 'cid', path: name.cid, gateways: name.gateway ? [name.gateway] : []};
    if ('url' in name) return fromText(/^https?:\/\//.test(name.url) ? name.url : new URL(name.url, globalThis.document?.baseURI).href);
    if ('folder' in name) return {kind: 'disk', folder: name.folder};
  }
  return fail('invalid_argument', 'the model must be a CID, an address, a folder, or {cid, gateway}');
}

export function modelText(name: ModelName): string {
  if (typeof name === 'string') return name;
  return 'cid' in name ? name.cid : 'url' in name ? name.url : name.folder;
}
