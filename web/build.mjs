// Builds web/dist: the SDK (modules, worker, WebAssembly programs, types) and, where there is one, the demo page.
import {execFileSync} from 'node:child_process';
import {copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {build} from 'esbuild';

const web = dirname(fileURLToPath(import.meta.url));
const dist = process.env.IA_WEB_DIST || join(web, 'dist');
const programs = process.env.IA_WASM_BUILD || join(web, '..', 'build', 'wasm');
const sdk = join(dist, 'sdk');

rmSync(dist, {recursive: true, force: true});
mkdirSync(sdk, {recursive: true});

for (const kind of ['single', 'threads']) {
  const folder = join(programs, kind, 'bin');
  if (!existsSync(folder)) throw new Error(`no WebAssembly programs in ${folder}; run ./dev build wasm first`);
  for (const name of readdirSync(folder).filter((file) => /^engine.*\.(mjs|wasm)$/.test(file)))
    copyFileSync(join(folder, name), join(sdk, name));
}

await build({
  entryPoints: [join(web, 'sdk/src/index.ts'), join(web, 'sdk/src/worker.ts')],
  outdir: sdk,
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  external: ['node:*'],
  minify: true,
  sourcemap: true,
  chunkNames: 'chunk-[hash]',
  legalComments: 'none',
});
execFileSync(
  process.execPath,
  [join(web, 'node_modules/typescript/bin/tsc'), '-p', join(web, 'sdk'), '--outDir', join(sdk, 'types')],
  {stdio: 'inherit'},
);
copyFileSync(join(web, 'sdk/package.json'), join(sdk, 'package.json'));
copyFileSync(join(web, 'sdk/README.md'), join(sdk, 'README.md'));
copyFileSync(join(web, '../LICENSE'), join(sdk, 'LICENSE'));

const demo = join(web, 'demo/build.mjs');
if (existsSync(demo)) await (await import(pathToFileURL(demo).href)).buildDemo(dist);
writeFileSync(
  join(dist, 'version.json'),
  JSON.stringify({version: JSON.parse(readFileSync(join(web, 'sdk/package.json'), 'utf8')).version}),
);
