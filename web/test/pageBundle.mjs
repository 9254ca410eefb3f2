// Bundles the TypeScript pages of this folder, so that the test server can hand them to browsers.
import {build} from 'esbuild';
import {mkdtemp, readdir, copyFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Gives {folder, remove()}: every page of web/test with its scripts as NAME.page.js. */
export async function bundlePages() {
  const folder = await mkdtemp(join(tmpdir(), 'pages-'));
  const files = await readdir(here);
  await build({
    entryPoints: files.filter((name) => name.endsWith('.page.ts')).map((name) => join(here, name)),
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*'],
    sourcemap: 'inline',
    logLevel: 'error',
  });
  for (const name of files) {
    if (/\.html$|\.page\.js$|^report\.js$/.test(name)) await copyFile(join(here, name), join(folder, name));
  }
  return {folder, remove: () => rm(folder, {recursive: true, force: true})};
}
