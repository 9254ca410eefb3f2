// Builds the demo page into web/dist, beside the SDK, with some shipped models for servers that have none of their own.
import {cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const zoo = join(here, '../../zoo');
const shipped = [
  {name: 'numbers-bert', answer_kind: 'embedding', takes: ['text']},
  {name: 'numbers-bert-classifier', answer_kind: 'labels', takes: ['text']},
  {name: 'numbers-gpt2', answer_kind: 'generated_text', takes: ['text']},
  {name: 'numbers-t5', answer_kind: 'generated_text', takes: ['text']},
  {name: 'digits-vit', answer_kind: 'labels', takes: ['image']},
];
/** Pictures to try, of the model that knows them. */
const samples = {'digits-vit': ['000.png', '001.png', '002.png', '003.png', '006.png', '007.png']};

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
  const models = shipped.map((model) => ({...model, cid: '', url: `models/${model.name}/`}));
  for (const [name, files] of Object.entries(samples)) {
    for (const file of files) cpSync(join(zoo, name, 'eval', file), join(dist, 'samples', name, file));
    writeFileSync(join(dist, 'samples', name, 'samples.json'), JSON.stringify(files));
  }
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
