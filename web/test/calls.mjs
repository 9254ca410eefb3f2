// Calls from standard input (a JSON line each, as tests/golden/golden_models prints them), answered by the built SDK in a
// real browser; an answer a line: {"value"} or {"error": {"code", "message"}}. calls.mjs [--browser B]
import {relative, resolve} from 'node:path';
import {text} from 'node:stream/consumers';
import {pathToFileURL} from 'node:url';
import {parseArgs} from 'node:util';
import {openSdkPage} from './sdkPage.mjs';

/** Where the page finds the folder of a call's "model": mounts for startPageServer, and the path for each folder. */
export function mountModels(calls) {
  const folders = [...new Set(calls.map(({model}) => resolve(model)))];
  const paths = new Map(folders.map((folder, i) => [folder, `/model/${i}/`]));
  return {paths, mounts: Object.fromEntries(folders.map((folder) => [paths.get(folder), `${folder}/`]))};
}

/** The answer of the SDK in a page (from openSdkPage) to one call. */
export async function performCall(sdk, paths, {method, model, config, inputs, ...rest}) {
  const source = {url: `${sdk.origin}${paths.get(resolve(model))}`};
  const addressed = (input) => (input.image ? {image: source.url + relative(model, input.image)} : input);
  try {
    if (method === 'run') return {value: await sdk.call('accelerate', source, inputs.map(addressed), config)};
    if (method !== 'evaluate') throw new Error(`no method ${method}`);
    return {value: await sdk.call('evaluate', source, {...rest, ...(inputs && {texts: inputs})}, config)};
  } catch (error) {
    return {error: {code: error.code ?? error.name, message: error.message}};
  }
}

async function main() {
  const {values} = parseArgs({options: {browser: {type: 'string', default: 'chromium'}}});
  const calls = (await text(process.stdin))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const {paths, mounts} = mountModels(calls);
  const sdk = await openSdkPage({browser: values.browser, mounts});
  try {
    for (const call of calls) console.log(JSON.stringify(await performCall(sdk, paths, call)));
  } finally {
    await sdk.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
