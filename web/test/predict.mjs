// Answers of one model in a real browser: predict.mjs FOLDER --backend B [--browser B] [--precision P]; a JSON text per line
// of standard input, an answer per line of standard output.
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { backends, openSdkPage } from './sdkPage.mjs';

const { positionals: [folder], values } = parseArgs({
  allowPositionals: true,
  options: { backend: { type: 'string', default: 'wasm' }, browser: { type: 'string' }, precision: { type: 'string', default: '32' } },
});
const { platform, browser } = backends[values.backend];
const inputs = (await text(process.stdin)).split('\n').filter(Boolean).map((line) => JSON.parse(line));
const sdk = await openSdkPage({ browser: values.browser ?? browser, mounts: { '/model/': `${resolve(folder)}/` } });
try {
  const { output } = await sdk.call('accelerate', { url: `${sdk.origin}/model/` }, inputs, { platform, precision: Number(values.precision), allow_fallback: false });
  for (const answer of output) console.log(JSON.stringify(answer));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await sdk.close();
}
