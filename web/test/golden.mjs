// Models against recorded outputs in a real browser: golden.mjs DIR --backend B [--browser B] [--only names] [--precision P].
// The rules are those of tests/golden/golden_model.cpp: hidden states, outputs, token ids and answers.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readSafetensors } from './safetensors.mjs';
import { backends, openSdkPage } from './sdkPage.mjs';

function modelFolders(dir, only) {
  const folders = existsSync(join(dir, 'golden.json')) ? [resolve(dir)]
    : readdirSync(dir).map((name) => resolve(dir, name)).filter((path) => existsSync(join(path, 'golden.json')) && existsSync(join(path, 'config.json')));
  return folders.filter((path) => only.length === 0 || only.some((name) => basename(path).startsWith(name))).sort();
}

function taskOfClass(name) {
  if (name.endsWith('ForMaskedLM')) return 'fill-mask';
  return name.endsWith('ForSequenceClassification') ? 'text-classification' : 'feature-extraction';
}

const rowsOf = ({ shape, values }) => Array.from({ length: shape[0] }, (_, i) => Array.from(values.slice(i * values.length / shape[0], (i + 1) * values.length / shape[0])));
const asInput = (text) => (Array.isArray(text) ? { text: text[0], pair: text[1] } : text);

function cosine(a, b) {
  let dot = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) { dot += a[i] * b[i]; aa += a[i] * a[i]; bb += b[i] * b[i]; }
  return aa === 0 && bb === 0 ? 1 : dot / Math.sqrt(aa * bb);
}

function softmaxRows({ shape, values }) {
  const columns = shape.at(-1);
  const result = [];
  for (let at = 0; at < values.length; at += columns) {
    const row = Array.from(values.slice(at, at + columns));
    const top = Math.max(...row);
    const powers = row.map((value) => Math.exp(value - top));
    const sum = powers.reduce((all, power) => all + power, 0);
    result.push(...powers.map((power) => power / sum));
  }
  return { shape, values: result };
}

/** The value of a recorded output's name; derived ones are computed here. */
function computed(name, values, layers) {
  if (values.has(name)) return values.get(name);
  const embedding = values.get('embedding');
  if (name === 'last_hidden_state') return values.get(`hidden_states.${layers}`);
  if (name === 'mean_pooled') return values.get('pooled') ?? embedding;
  if (name === 'sentence_embedding') return embedding;
  if ((name === 'cosine_similarity' || name === 'similarity') && embedding) {
    const rows = rowsOf(embedding);
    return { shape: [rows.length, rows.length], values: rows.flatMap((a) => rows.map((b) => cosine(a, b))) };
  }
  if (name === 'probs' && values.has('logits')) return softmaxRows(values.get('logits'));
  return undefined;
}

/** Compares where the mask is 1 (outputs per token), or everywhere. */
function compare(actual, expected, mask, tolerance, half) {
  if (String(actual.shape) !== String(expected.shape)) return { error: Infinity, cosine: 0, good: false };
  const perToken = actual.shape.length === 3 && actual.shape[0] === mask.shape[0] && actual.shape[1] === mask.shape[1];
  const columns = actual.shape.at(-1);
  const a = [], e = [];
  for (let i = 0; i < expected.values.length; i++) {
    if (perToken && mask.values[Math.floor(i / columns)] === 0) continue;
    a.push(actual.values[i]);
    e.push(expected.values[i]);
  }
  const finite = a.every(Number.isFinite);  // JSON carries NaN and infinity as null
  const error = finite ? a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - e[i])), 0) : Infinity;
  const scale = e.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const similarity = finite ? cosine(a, e) : 0;
  return { error, cosine: similarity, good: finite && (half ? similarity >= 0.999 && error <= 0.05 * scale : error <= tolerance) };
}

async function checkCase(one, recorded, run, report) {
  const tolerance = one.tolerance?.abs ?? 1e-4;
  const ids = recorded(one.inputs.input_ids);
  const mask = one.inputs.attention_mask ? recorded(one.inputs.attention_mask) : { shape: ids.shape, values: ids.values.map(() => 1) };
  const types = one.inputs.token_type_ids ? recorded(one.inputs.token_type_ids) : { shape: ids.shape, values: ids.values.map(() => 0) };
  const [idRows, maskRows, typeRows] = [ids, mask, types].map(rowsOf);
  const encodings = idRows.map((row, i) => ({ ids: row, attention_mask: maskRows[i], type_ids: typeRows[i] }));
  const texts = (one.texts ?? (one.text === undefined ? [] : [one.text])).map(asInput);
  const { outputs } = await run('evaluate', { encodings, hidden_states: true, all_tokens: true });
  // As plain texts: the fill-mask task wants a mask token in each.
  const tokenized = texts.length > 0 ? (await run('evaluate', { texts }, { task: 'feature-extraction' })).ids : [];
  tokenized.forEach((row, i) => {
    const wanted = idRows[i].filter((_, j) => maskRows[i][j] !== 0);
    if (String(row.slice(0, wanted.length)) === String(wanted) && row.length <= idRows[i].length) return;
    report.idsEqual = false;
    report.failures.push(`${one.name}: text ${i} becomes ids ${row}, recorded ${wanted}`);
  });
  const values = new Map(outputs.map((tensor) => [tensor.name, tensor]));
  const layers = Math.max(...outputs.map(({ name }) => Number(/^hidden_states\.(\d+)$/.exec(name)?.[1] ?? 0)));
  for (const [name, tensor] of Object.entries(one.outputs)) {
    if (name.startsWith('probe.')) continue;
    const actual = computed(name, values, layers);
    if (!actual) { report.failures.push(`${one.name} ${name}: the engine does not compute it`); continue; }
    const found = compare(actual, recorded(tensor), mask, tolerance, report.half);
    report.worstError = Math.max(report.worstError, found.error);
    report.worstCosine = Math.min(report.worstCosine, found.cosine);
    if (!found.good) report.failures.push(`${one.name} ${name}: off by ${found.error.toExponential(2)}, cosine ${found.cosine.toFixed(6)}`);
  }
  await checkAnswers(one, texts, tolerance, run, report);
}

/** "fill_mask" and "labels": what the whole pipeline answers for the texts. */
async function checkAnswers(one, texts, tolerance, run, report) {
  if (!one.fill_mask && !one.labels) return;
  const { output } = await run('accelerate', one.fill_mask ? one.fill_mask.map(({ text }) => text) : texts);
  output.forEach((answer, i) => {
    const expected = one.fill_mask ? one.fill_mask[i].top5 : [one.labels[i]];
    expected.forEach((wanted, k) => {
      const same = report.half || (one.fill_mask ? answer[k].token === wanted.id : answer[k].label === wanted.label);
      if (same && Math.abs(answer[k].score - wanted.score) <= (report.half ? 0.05 : tolerance)) return;
      report.failures.push(`${one.name}: answer ${k} for text ${i} is ${JSON.stringify(answer[k])}, recorded ${JSON.stringify(wanted)}`);
    });
  });
}

/** Checks the model in one folder: {cases, worstError, worstCosine, idsEqual, segments, failures}. sdk: from openSdkPage, the folder mounted at `url`. */
export async function checkGolden(folder, sdk, url, { platform, precision = 32 }) {
  const golden = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'));
  const recorded = readSafetensors(join(folder, 'golden.safetensors'));
  const config = {
    task: taskOfClass(golden.class), platform, precision, allow_fallback: false,
    ...(existsSync(join(folder, 'modules.json')) ? {} : { normalize: true }),
  };
  const report = { cases: 0, worstError: 0, worstCosine: 1, idsEqual: true, failures: [], half: precision === 16 };
  const run = (method, content, other = {}) => sdk.call(method, { url }, content, { ...config, ...other });
  for (const one of golden.cases.filter(({ kind }) => kind === 'forward')) {
    report.cases += 1;
    await checkCase(one, recorded, run, report);
  }
  if (report.cases === 0) report.failures.push('golden.json has no forward case');
  return report;
}

async function main() {
  const { positionals: [dir], values } = parseArgs({
    allowPositionals: true,
    options: { backend: { type: 'string', default: 'wasm' }, browser: { type: 'string' }, only: { type: 'string' }, precision: { type: 'string', default: '32' } },
  });
  const backend = backends[values.backend];
  if (!dir || !backend) throw new Error(`usage: golden.mjs DIR --backend ${Object.keys(backends).join('|')} [--browser B] [--only names] [--precision P]`);
  const folders = modelFolders(dir, values.only ? values.only.split(',') : []);
  const mounts = Object.fromEntries(folders.map((path) => [`/model/${basename(path)}/`, `${path}/`]));
  const sdk = await openSdkPage({ browser: values.browser ?? backend.browser, mounts });
  let passed = 0;
  for (const folder of folders) {
    const name = basename(folder);
    const report = await checkGolden(folder, sdk, `${sdk.origin}/model/${name}/`, { platform: backend.platform, precision: Number(values.precision) })
      .catch((error) => ({ cases: 0, worstError: NaN, worstCosine: NaN, failures: [error.message] }));
    if (report.failures.length === 0) passed += 1;
    console.log(`${name.padEnd(24)} ${report.failures.length === 0 ? 'ok    ' : 'FAILED'}  ${report.cases} cases, worst error ${report.worstError.toExponential(2)}, cosine ${report.worstCosine.toFixed(7)}, ids ${report.idsEqual ? 'equal' : 'DIFFER'}`);
    for (const failure of report.failures) console.log(`    ${failure}`);
  }
  await sdk.close();
  if (folders.length === 0) console.log('no model folder matches');
  console.log(`${passed} passed, ${folders.length - passed} failed`);
  process.exitCode = passed === folders.length && passed > 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error) => {
    console.log(`${error.message}\n0 passed, 1 failed`);
    process.exitCode = 1;
  });
}
