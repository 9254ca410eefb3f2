// Reads the recorded tensors of a golden run.
import { readFileSync } from 'node:fs';

const arrays = { F32: Float32Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array, BOOL: Uint8Array };

/** name -> {shape, values}; 64-bit whole numbers become plain ones. */
export function readSafetensors(path) {
  const file = readFileSync(path);
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const begin = 8 + Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, begin - 8)));
  return (name) => {
    const { dtype, shape, data_offsets: [from, to] } = header[name] ?? {};
    if (!arrays[dtype]) throw new Error(`golden.safetensors has no tensor ${name} of a known dtype`);
    const values = new arrays[dtype](bytes.slice(begin + from, begin + to));
    return { shape, values: dtype === 'I64' ? Array.from(values, Number) : values };
  };
}
