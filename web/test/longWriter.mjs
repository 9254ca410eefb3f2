// The shipped writer with room for more tokens, so that there is time to stop it.
import {cpSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const writer = join(dirname(fileURLToPath(import.meta.url)), '../../zoo/numbers-gpt2');

/** Writes the model to `folder`: its positions begin anew until there are so many; without a token that would stop it. */
export function writeLongWriter(folder, positions) {
  cpSync(writer, folder, {recursive: true});
  change(join(folder, 'config.json'), {n_positions: positions, eos_token_id: 0, max_new_tokens: positions});
  change(join(folder, 'generation_config.json'), {eos_token_id: 0, max_new_tokens: positions - 32});
  const bytes = readFileSync(join(folder, 'model.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const {__metadata__: _, ...header} = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const parts = [];
  let at = 0;
  for (const [name, tensor] of Object.entries(header)) {
    let part = bytes.subarray(8 + length).subarray(...tensor.data_offsets);
    if (name.endsWith('wpe.weight')) {
      const [rows, width] = tensor.shape;
      tensor.shape = [positions, width];
      part = Buffer.concat(Array(Math.ceil(positions / rows)).fill(part)).subarray(0, positions * width * 4);
    }
    tensor.data_offsets = [at, (at += part.length)];
    parts.push(part);
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([size, text, ...parts]));
  return folder;
}

function change(file, fields) {
  writeFileSync(file, JSON.stringify({...JSON.parse(readFileSync(file, 'utf8')), ...fields}));
}
