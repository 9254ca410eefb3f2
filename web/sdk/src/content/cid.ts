// Cid: a parsed content identifier, as the engine describes it; and verification of bytes against it.
import {fail} from '../errors';
import type {Native} from '../wasm';

export interface Cid {
  text: string;
  version: number;
  /** Multicodec: 0x55 raw, 0x70 dag-pb. */
  codec: number;
  /** Multihash function: 0x12 sha2-256. */
  hash: number;
  /** Lower-case hexadecimal. */
  digest: string;
}

export const rawCodec = 0x55;
/** Blocks larger than this are refused, as Kubo and Helia do. */
export const maxBlockBytes = 2 << 20;

const webCryptoNames: Record<number, string> = {0x12: 'SHA-256', 0x13: 'SHA-512'};

export function parseCid(native: Native, text: string): Cid {
  return native.call<Cid>('ia_cid_parse', [], text);
}

/** What blocks are kept under: the multihash, so that CID versions and codecs share bytes. */
export function cacheKey(cid: Cid): string {
  return `${cid.hash.toString(16).padStart(2, '0')}-${cid.digest}`;
}

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Throws `integrity` when the bytes do not match: by WebCrypto where there is one, else inside the engine. */
export async function verifyBlock(native: Native, cid: Cid, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  if (bytes.byteLength > maxBlockBytes) {
    fail('limit_exceeded', `the block ${cid.text} has ${bytes.byteLength} bytes; at most ${maxBlockBytes} are accepted`);
  }
  const name = webCryptoNames[cid.hash];
  if (!name || !globalThis.crypto?.subtle) {
    native.call('ia_block_verify', [], cid.text, bytes);
    return;
  }
  const digest = hex(new Uint8Array(await crypto.subtle.digest(name, bytes)));
  if (!digest.startsWith(cid.digest)) { // the engine refuses digests cut shorter than 20 bytes
    fail('integrity', `the bytes sent for ${cid.text} have the digest ${digest} instead of ${cid.digest}`);
  }
}
