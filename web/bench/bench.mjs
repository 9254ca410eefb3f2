// Web benchmarks: WASM in Chromium and WebNN against onnxruntime-web on the same work. Usage: bench.mjs MODEL_FOLDER
// Prints one JSON row per shape. The SDK's time includes tokenizing, pooling and the way to its worker; the peer's does not.
import {availableParallelism} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {runPage, startPageServer} from '../test/browsers.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const model = process.argv[2];
const shapes = [
  [1, 16],
  [1, 128],
  [1, 512],
  [8, 16],
  [8, 128],
];
const cases = [
  {label: 'wasm', platform: 'cpu', browser: 'chromium', threads: 1},
  {label: 'wasm', platform: 'cpu', browser: 'chromium', threads: availableParallelism()},
  {label: 'webnn', platform: 'webnn', browser: 'chromium-webnn', threads: availableParallelism()},
];

const server = await startPageServer({
  mounts: {
    '/': `${here}/`,
    '/sdk/': join(here, '../dist/sdk/'),
    '/ort/': join(here, 'node_modules/onnxruntime-web/dist/'),
    '/model/': `${model}/`,
  },
});
let failed = false;
for (const {label, platform, browser, threads} of cases) {
  const url = `${server.origin}/bench.html?${new URLSearchParams({platform, threads, shapes: JSON.stringify(shapes)})}`;
  try {
    const {rows} = await runPage({browser, url, timeoutMs: 600000});
    for (const {batch, sequence, ours, peer} of rows) {
      console.log(
        JSON.stringify({
          name: `encoder ${label} f32 ${batch}x${sequence}, ${threads} threads`,
          ours,
          peer,
          unit: 'ms',
          peer_name: `onnxruntime-web 1.30.0 ${platform === 'webnn' ? 'WebNN' : 'WASM'}`,
          ratio: peer / ours,
          share_of_floor: null,
          floor: null,
        }),
      );
    }
  } catch (error) {
    console.error(`${label}: ${error.message}`);
    failed = true;
  }
}
await server.close();
process.exit(failed ? 1 : 0);
