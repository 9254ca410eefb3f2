// The built SDK in a real browser, called from Node: for golden runs, predictions and end-to-end tests.
import {existsSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {openPage, startPageServer} from './browsers.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const dist = process.env.IA_WEB_DIST || join(here, '../dist');

/** The SDK's platform and the browser for a name of --backend. */
export const backends = {
  wasm: {platform: 'cpu', browser: 'chromium'},
  'web-webgpu': {platform: 'webgpu', browser: 'chromium'},
  webnn: {platform: 'webnn', browser: 'chromium-webnn'},
};

/**
 * Opens an empty page with the SDK. call(method, ...arguments) runs one of its functions there and gives its JSON;
 * an error of the SDK is thrown with its code. mounts and routes: see startPageServer; the SDK is at /sdk/.
 */
export async function openSdkPage({browser, mounts = {}, routes = {}, isolated = true, profile}) {
  if (!existsSync(join(dist, 'sdk/index.js'))) throw new Error(`No SDK in ${dist}; build it with ./dev build wasm.`);
  const server = await startPageServer({
    mounts: {'/': `${here}/`, '/sdk/': `${join(dist, 'sdk')}/`, ...mounts},
    routes,
    isolated,
  });
  const page = await openPage({browser, url: `${server.origin}/sdk.html`, profile});
  const close = async () => {
    await page.close();
    await server.close();
  };
  try {
    await until(page, 'globalThis.sdk !== undefined');
  } catch (error) {
    await close();
    throw new Error(`The SDK did not load: ${error.message}\n${page.log.join('\n')}`);
  }
  return {
    page,
    origin: server.origin,
    close,
    async call(method, ...args) {
      let timer;
      const answer = await Promise.race([
        page.evaluate(`callSdk(${JSON.stringify(method)}, ${JSON.stringify(args)})`),
        page.crashed.then((reason) => {
          throw new Error(reason);
        }),
        new Promise((_, reject) => {
          const why = () => `${method} did not answer in 5 minutes.\n${page.log.join('\n')}`;
          timer = setTimeout(() => reject(Object.assign(new Error(why()), {hung: true})), 300000);
        }),
      ]).finally(() => clearTimeout(timer));
      if (answer.error)
        throw Object.assign(new Error(`[${answer.error.code}] ${answer.error.message}`), {code: answer.error.code});
      return answer.value;
    },
  };
}

/** Waits until an expression is true in the page. */
export async function until(page, expression, timeoutMs = 60000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (await page.evaluate(expression).catch(() => false)) return; // between two documents nothing can be evaluated
  }
  throw new Error(`${expression} did not become true in ${timeoutMs} ms`);
}
