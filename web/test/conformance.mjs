// Every op in a real browser, on one platform of the SDK, against the reference.
import {existsSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {runPage, startPageServer} from './browsers.mjs';
import {bundlePages} from './pageBundle.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const fixtures = join(root, 'tests/fixtures');
const programs = join(process.env.IA_WASM_BUILD || join(root, 'build/wasm'), 'threads/bin');

/** Makes a server for the page once; run() as often as wanted, then close(). */
export async function openConformance() {
  if (!existsSync(programs)) throw new Error(`No WebAssembly programs in ${programs}; run ./dev build wasm.`);
  const pages = await bundlePages();
  const server = await startPageServer({
    mounts: {'/': `${pages.folder}/`, '/programs/': `${programs}/`, '/fixtures/': `${fixtures}/`},
  });
  return {
    /**
     * {all (how many cases there are), ran, kinds, declined, wrong, program, threads, variants, pipelines}.
     * scale widens the tolerance; subset: 'variants' or 'kernels' takes few cases that cover all of these; lanes: WebNN
     * spreads batches over several contexts; urls: of pictures, for the method test.pictures.
     */
    async run({browser, urls = [], ...options}) {
      const query = new URLSearchParams({sdk: '/programs/', ...options});
      for (const url of urls) query.append('url', url);
      return runPage({browser, url: `${server.origin}/conformance.html?${query}`, timeoutMs: 300000});
    },
    async close() {
      await server.close();
      await pages.remove();
    },
  };
}
