// Builds the demo page into web/dist, beside the SDK, with some shipped models for servers that have none of their own.
import {cpSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const zoo = join(here, '../../zoo');
/** The models that are shown, each with what it is tried with: texts, or pictures of its eval/. */
export const shipped = [
  {
    name: 'numbers-bert',
    answer_kind: 'embedding',
    takes: ['text'],
    texts: ['42', 'forty two', 'forty-two', 'the number 7', 'seven', 'one thousand two hundred', '1,200'],
  },
  {
    name: 'numbers-bert-classifier',
    answer_kind: 'labels',
    takes: ['text'],
    texts: [
      'forty two',
      'there are 7,145 books in the village.',
      'we need thirty pencils for the office.',
      'did Anna see the tickets?',
    ],
  },
  {name: 'numbers-gpt2', answer_kind: 'generated_text', takes: ['text'], texts: ['42 =']},
  {name: 'numbers-t5', answer_kind: 'generated_text', takes: ['text'], texts: ['to words: 42']},
  {
    name: 'digits-vit',
    answer_kind: 'labels',
    takes: ['image'],
    pictures: ['000.png', '001.png', '002.png', '003.png', '006.png', '007.png'],
  },
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
  const models = shipped.map((model) => ({
    ...model,
    cid: '',
    url: `models/${model.name}/`,
    pictures: copyPictures(model, dist),
  }));
  writeFileSync(join(dist, 'models/models.json'), JSON.stringify({models}));
}

/** Gives their addresses beside the page. */
function copyPictures({name, pictures = []}, dist) {
  for (const file of pictures) cpSync(join(zoo, name, 'eval', file), join(dist, 'samples', name, file));
  return pictures.map((file) => `samples/${name}/${file}`);
}

/** The files that a pipeline reads; not the examples and recorded answers beside them. */
function copyModel(name, to) {
  mkdirSync(to, {recursive: true});
  for (const file of readdirSync(join(zoo, name))) {
    if (/^(golden|metrics|eval)/.test(file)) continue;
    cpSync(join(zoo, name, file), join(to, file), {recursive: true});
  }
}
