// Builds the demo page into web/dist, beside the SDK, with the shipped text models for servers that have none of their own.
import {cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const zoo = join(here, '../../zoo');
const shipped = [
  {name: 'numbers-bert', answer_kind: 'embedding'},
  {name: 'numbers-bert-classifier', answer_kind: 'labels'},
  {name: 'numbers-gpt2', answer_kind: 'generated_text'},
];

export async function buildDemo(dist) {
  await build({
    entryPoints: {demo: join(here, 'src/main.ts')},
    outdir: dist,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    legalComments: 'none',
    plugins: [
      {
        name: 'the SDK beside the page',
        setup: (plan) =>
          plan.onResolve({filter: /^ipfs_accelerate_js$/}, () => ({path: './sdk/index.js', external: true})),
      },
    ],
  });
  for (const name of ['index.html', 'style.css', 'icon.svg']) cpSync(join(here, name), join(dist, name));
  for (const {name} of shipped) copyModel(name, join(dist, 'models', name));
  const models = shipped.map(({name, answer_kind}) => ({name, cid: '', answer_kind, url: `models/${name}/`}));
  writeFileSync(join(dist, 'models/models.json'), JSON.stringify({models}));
}

/** The files that a pipeline reads; not the examples and recorded answers beside them. */
function copyModel(name, to) {
  mkdirSync(to, {recursive: true});
  for (const file of readdirSync(join(zoo, name))) {
    if (/^(golden|metrics|eval)/.test(file)) continue;
    cpSync(join(zoo, name, file), join(to, file), {recursive: true});
  }
}
