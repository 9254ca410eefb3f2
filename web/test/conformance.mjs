// Every op in a real browser, on one platform of the SDK: the cases of page_cases against the reference.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runPage, startPageServer } from './browsers.mjs';
import { bundlePages } from './pageBundle.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const bin = process.env.IA_BIN || join(root, 'build/release/bin');
const dist = process.env.IA_WEB_DIST || join(root, 'web/dist');

/** Makes the cases and a server for them once; run() as often as wanted, then close(). */
export async function openConformance() {
  const folder = await mkdtemp(join(tmpdir(), 'cases-'));
  await promisify(execFile)(join(bin, 'page_cases'), [folder]);
  const pages = await bundlePages();
  const server = await startPageServer({ mounts: { '/': `${pages.folder}/`, '/cases/': `${folder}/`, '/sdk/': `${join(dist, 'sdk')}/` } });
  return {
    /**
     * {results, all (how many cases there are), bad (results that are wrong or did not run), program, threads, variants}.
     * scale widens the tolerance; subset: 'variants' or 'kernels' takes the cases of gpuSubset.ts alone.
     */
    async run({ browser, platform, precision = 32, scale = 1, subset }) {
      const query = new URLSearchParams({ cases: '/cases', sdk: '/sdk/', platform, precision, ...(subset ? { subset } : {}) });
      const found = await runPage({ browser, url: `${server.origin}/conformance.html?${query}`, timeoutMs: 300000 });
      return { ...found, bad: found.results.filter(({ failure, error, tolerance }) => failure || !(error >= 0 && error <= tolerance * scale)) };
    },
    async close() {
      await server.close();
      await pages.remove();
      await rm(folder, { recursive: true });
    },
  };
}
