// Answers in Node: they have the fields that their types name, and pictures become the recorded embeddings.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, expect, test} from 'vitest';
import {accelerate, dispose, env, pipeline, type AnswerTypes} from '../sdk/src/index';
import {codeOf, programFolder} from '../sdk/src/testBorder';

env.folder = programFolder('single');
const root = join(import.meta.dirname, '../..');
const vit = join(root, 'zoo/digits-vit');
const config = {platform: 'cpu', threads: 1, cache: 'memory'} as const;
const options = {device: 'cpu', threads: 1, cache: 'memory'} as const;
afterAll(() => dispose());

/** The type of each field; the compiler keeps the list equal to the types. */
type Fields<T> = {[Name in keyof T]: string};
const labelFields: Fields<AnswerTypes['labels'][number]> = {label: 'string', score: 'number'};
const fillFields: Fields<Extract<AnswerTypes['mask_fills'], {sequence: string}[]>[number]> = {
  score: 'number',
  sequence: 'string',
  token: 'number',
  token_str: 'string',
};
const textFields: Fields<AnswerTypes['generated_text']> = {finish_reason: 'string', text: 'string', tokens: 'object'};
const fieldsOf = (answer: object) =>
  Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, typeof value]));

test('a result has the fields of its kind', async () => {
  const ask = async (model: string, text: string) => {
    const result = await accelerate(join(root, model), text, config);
    return {kind: result.answer_kind, answer: result.output[0] as object};
  };
  const embedding = await ask('zoo/numbers-bert', '42');
  expect(embedding.kind).toBe('embedding');
  expect((embedding.answer as unknown[]).every((value) => typeof value === 'number')).toBe(true);
  const labels = await ask('zoo/numbers-bert-classifier', '42');
  expect(labels.kind).toBe('labels');
  expect(fieldsOf((labels.answer as object[])[0]!)).toEqual(labelFields);
  const one = await ask('tests/fixtures/bert-mlm', 'a [MASK] b');
  expect(one.kind).toBe('mask_fills');
  expect(fieldsOf((one.answer as object[])[0]!)).toEqual(fillFields);
  const two = await ask('tests/fixtures/bert-mlm', 'a [MASK] b [MASK]');
  expect(fieldsOf((two.answer as object[][])[1]![0]!)).toEqual(fillFields);
  for (const [model, text] of [
    ['zoo/numbers-gpt2', '42 ='],
    ['zoo/numbers-t5', 'to words: 42'],
  ] as const) {
    const written = await ask(model, text);
    expect(written.kind).toBe('generated_text');
    expect(fieldsOf(written.answer)).toEqual(textFields);
  }
});

test('an answer has the form that its pipeline says', async () => {
  const classify = await pipeline('text-classification', join(root, 'zoo/numbers-bert-classifier'), options);
  const scored = (label: string) => ({label, score: expect.any(Number) as number});
  expect(await classify('42')).toEqual([scored('even')]);
  expect(await classify(['42', '17'])).toEqual([scored('even'), scored('odd')]);
  expect(await classify(['42', '17'], {top_k: 1})).toEqual([scored('even'), scored('odd')]);
  expect((await classify('42', {top_k: 2}))[0]).toEqual(scored('even'));
  expect((await classify(['42', '17'], {top_k: 2})).map(([best]) => best)).toEqual([scored('even'), scored('odd')]);
  const fill = await pipeline('fill-mask', join(root, 'tests/fixtures/bert-mlm'), options);
  expect(await fill('a [MASK] b', {top_k: 2})).toHaveLength(2);
  expect((await fill(['a [MASK] b'], {top_k: 2}))[0]).toHaveLength(2);
  expect(((await fill('a [MASK] b [MASK] c', {top_k: 3})) as object[][]).map((list) => list.length)).toEqual([3, 3]);
});

interface Header {
  [name: string]: {shape: number[]; data_offsets: [number, number]};
}
/** A recorded f32 tensor, as rows of its last dimension. */
function rowsOf(file: string, name: string): number[][] {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const {shape, data_offsets: span} = (JSON.parse(bytes.subarray(8, 8 + length).toString()) as Header)[name]!;
  const values = [...new Float32Array(new Uint8Array(bytes.subarray(8 + length).subarray(...span)).buffer)];
  const columns = shape.at(-1)!;
  return Array.from({length: values.length / columns}, (_, i) => values.slice(i * columns, (i + 1) * columns));
}
/** The mean over the tokens of the last layer, normalized as the model does, of the first recorded picture. */
function recordedEmbedding(): number[] {
  const [weight, bias] = ['weight', 'bias'].map(
    (name) => rowsOf(join(vit, 'model.safetensors'), `vit.layernorm.${name}`)[0]!,
  );
  const rows = rowsOf(join(vit, 'golden.safetensors'), 'hidden_last').map((row) => {
    const centre = row.reduce((sum, x) => sum + x) / row.length;
    const spread = Math.sqrt(row.reduce((sum, x) => sum + (x - centre) ** 2, 0) / row.length);
    return row.map((x, i) => ((x - centre) / spread) * weight![i]! + bias![i]!);
  });
  return rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
}

test('image-feature-extraction gives the recorded embedding', async () => {
  const planes = rowsOf(join(vit, 'golden.safetensors'), 'pixel_values').flat();
  const data = Uint8Array.from({length: 32 * 32 * 3}, (_, i) =>
    Math.round((planes[(i % 3) * 1024 + Math.floor(i / 3)]! * 0.5 + 0.5) * 255),
  );
  const picture = {width: 32, height: 32, data};
  const embed = await pipeline('image-feature-extraction', vit, options);
  const {dims, data: values} = await embed([picture, {image: picture}]);
  expect(dims).toEqual([2, 96]);
  const wanted = recordedEmbedding();
  wanted.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 4));
  expect([...values.slice(96)]).toEqual([...values.slice(0, 96)]);
  expect(embed.last_result!.answer_kind).toBe('embedding');
  const unit = await embed(picture, {normalize: true});
  expect(unit.dims).toEqual([1, 96]);
  expect(unit.data.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 4);
  const classToken = await embed(picture, {pooling: 'cls'});
  expect([...classToken.data]).not.toEqual([...values.slice(0, 96)]);
  expect(await codeOf(pipeline('image-feature-extraction', join(root, 'zoo/numbers-bert'), options))).toBe(
    'unknown_task',
  );
});
