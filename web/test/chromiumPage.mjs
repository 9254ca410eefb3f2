// Chromium pages through playwright-core: Debian's build (WebGPU on SwiftShader) and the npm build whose WebNN works.
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, rename, rm} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';

const quiet = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
  '--no-default-browser-check',
  '--no-first-run',
  '--no-pings',
  '--metrics-recording-only',
  '--disable-dev-shm-usage',
];
const kinds = {
  chromium: {
    path: async () => '/usr/bin/chromium',
    args: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
  },
  'chromium-webnn': {
    path: webnnBuild,
    args: ['--enable-features=WebMachineLearningNeuralNetwork', '--disable-gpu', '--no-zygote'],
  },
};

/** Opens a page. profile: a folder kept between calls (for cache tests); by default a fresh one, deleted at the end. */
export async function openChromiumPage({browser, url, width = 1280, height = 800, dark = false, profile}) {
  const {chromium} = await import('playwright-core');
  const folder = profile ?? (await mkdtemp(join(tmpdir(), 'chromium-')));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: await kinds[browser].path(),
    args: [...quiet, ...kinds[browser].args],
    headless: true,
    viewport: {width, height},
    colorScheme: dark ? 'dark' : 'light',
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const log = [];
  page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => log.push(`error: ${error.message}`));
  const crashed = new Promise((resolve) => {
    page.on('crash', () => resolve('the page crashed'));
    context.on('close', () => resolve('the browser closed'));
  });
  page.goto(url, {waitUntil: 'commit'}).catch((error) => log.push(`error: ${error.message}`));
  return {
    log,
    crashed,
    evaluate: (expression) => page.evaluate(expression),
    screenshot: (path, {fullPage = false} = {}) => page.screenshot({path, fullPage}).then(() => undefined),
    click: (selector) => page.click(selector),
    press: (key) => page.keyboard.press(key),
    async close() {
      await context.close();
      if (!profile) await rm(folder, {recursive: true, force: true, maxRetries: 5});
    },
  };
}

/**
 * The npm package holds its browser compressed; it is unpacked once into node_modules/.cache, under the package's version.
 * The package always unpacks into the folder for temporary files, so that is where we point it to.
 */
async function webnnBuild() {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@sparticuz/chromium');
  const root = entry.slice(0, entry.lastIndexOf('@sparticuz'));
  const {version} = require(join(root, '@sparticuz/chromium/package.json'));
  const folder = join(root, '.cache', `chromium-webnn-${version}`);
  if (!existsSync(folder)) {
    await mkdir(dirname(folder), {recursive: true});
    const partial = await mkdtemp(`${folder}.partial-`);
    const before = process.env.TMPDIR;
    process.env.TMPDIR = partial;
    try {
      const {default: chromium} = await import('@sparticuz/chromium');
      await chromium.executablePath();
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
    await rename(partial, folder).catch(() => rm(partial, {recursive: true, force: true})); // another run was faster
  }
  return join(folder, 'chromium');
}
