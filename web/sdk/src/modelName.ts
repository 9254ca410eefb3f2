// ModelName: which model is meant. The engine decides what a text is; only what is relative to the page is resolved here.
import {fail} from './errors';
import {isNode} from './features';

/** A CID (also ipfs://CID/path and /ipfs/CID/path), the address of a folder, a folder on disk (Node), or one of these as an object. */
export type ModelName = string | {cid: string; gateway?: string} | {url: string} | {folder: string};

const resolve = (address: string): string =>
  new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href).href;
const isRelative = (text: string): boolean => !isNode() && /^\.{0,2}\/(?!ipfs\/)/.test(text);

/** As the engine is asked for it. */
export function modelAddress(name: ModelName): string {
  if (typeof name === 'string') return isRelative(name) ? resolve(name) : name;
  if (typeof name === 'object' && name !== null) {
    if ('cid' in name) return `ipfs://${name.cid.replace(/^(ipfs:\/\/|\/ipfs\/)/, '')}`;
    if ('url' in name) return resolve(name.url);
    if ('folder' in name) return name.folder;
  }
  return fail('invalid_argument', 'the model must be a CID, an address, a folder, or {cid, gateway}');
}

/** As the caller says it. */
export function modelText(name: ModelName): string {
  if (typeof name === 'string') return name;
  return 'cid' in name ? name.cid : 'url' in name ? name.url : name.folder;
}
