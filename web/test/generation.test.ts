// Texts that are generated, in Node: by pipelines, piece by piece, and stopped in between.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, expect, test} from 'vitest';
import {accelerate, dispose, env, pipeline, type ProgressEvent} from '../sdk/src/index';
import {codeOf, programFolder} from '../sdk/src/testBorder';
// @ts-expect-error it has no types
import {writeLongWriter} from './longWriter.mjs';

env.folder = programFolder('single');
const writer = join(import.meta.dirname, '../../zoo/numbers-gpt2');
const translator = join(import.meta.dirname, '../../zoo/numbers-t5');
const options = {device: 'cpu', threads: 1, cache: 'memory'} as const;
const scratch = mkdtempSync(join(tmpdir(), 'writers-'));
const longWriter = () =>
  (writeLongWriter as (folder: string, positions: number) => string)(join(scratch, 'long'), 10_000);
afterAll(async () => {
  await dispose();
  rmSync(scratch, {recursive: true, force: true});
});

test('answers as transformers.js does: the prompt and how it goes on', async () => {
  const write = await pipeline('text-generation', writer, options);
  expect(await write('42 =')).toEqual([{generated_text: '42 = forty two'}]);
  expect(await write(['42 =', '37 ='])).toEqual([
    [{generated_text: '42 = forty two'}],
    [{generated_text: '37 = thirty seven'}],
  ]);
  expect(await write('42 =', {return_full_text: false})).toEqual([{generated_text: ' forty two'}]);
  expect(await write('42 =', {max_new_tokens: 1})).toEqual([{generated_text: '42 = forty'}]);
  expect(write.last_result!.answer_kind).toBe('generated_text');
  expect(write.last_result!.output[0]).toMatchObject({text: ' forty', finish_reason: 'length'});
  expect(await codeOf(write('42 =', {max_new_tokens: -1}))).toBe('invalid_argument');
  expect(await codeOf(write('42 =', {stop_token_ids: [-1]}))).toBe('invalid_argument');
});

test('tells of each piece, of each input', async () => {
  const write = await pipeline('text-generation', writer, options);
  const told = ['', ''];
  const ends = [0, 0];
  const callback = (text: string, {item, end}: ProgressEvent) => {
    told[item!] = told[item!]! + text;
    ends[item!] = ends[item!]! + Number(end);
  };
  await write(['42 =', '7352 ='], {callback_function: callback});
  expect(told).toEqual([' forty two', ' seven thousand three hundred fifty two']);
  expect(ends).toEqual([1, 1]);
  const pieces: string[] = [];
  await write('42 =', {streamer: {callback_function: (text) => void pieces.push(text)}});
  expect(pieces.join('')).toBe(' forty two');
  const broken = write('42 =', {
    callback_function: () => {
      throw new Error('the listener broke');
    },
  });
  await expect(broken).rejects.toThrow('the listener broke');
});

test('is a stream', async () => {
  const write = await pipeline('text-generation', writer, options);
  const pieces: string[] = [];
  for await (const piece of write.stream('7352 =', {max_new_tokens: 3})) pieces.push(piece);
  expect(pieces).toEqual([' seven', ' thousand', ' three']);
  expect(await codeOf(write.stream('7 '.repeat(40)).next())).toBe('input_too_long');
  expect(() => write.stream(['42 ='] as unknown as string)).toThrow('one text is streamed at a time');
});

test('stops within a token, by a signal, by leaving the loop, and at once when asked before', async () => {
  const write = await pipeline('text-generation', longWriter(), options);
  const controller = new AbortController();
  const {signal} = controller;
  const asked = write('42 =', {signal, callback_function: () => controller.abort()});
  expect(await codeOf(asked)).toBe('cancelled');

  const second = new AbortController();
  const pieces: string[] = [];
  const reading = (async () => {
    for await (const piece of write.stream('42 =', {signal: second.signal})) {
      pieces.push(piece);
      second.abort();
    }
  })();
  expect(await codeOf(reading)).toBe('cancelled');
  expect(pieces).toEqual([' forty']);

  for await (const piece of write.stream('42 =')) {
    expect(piece).toBe(' forty');
    break;
  }
  expect(await codeOf(write.stream('42 =', {signal}).next())).toBe('cancelled');
  expect(await write('42 =', {max_new_tokens: 2})).toEqual([{generated_text: '42 = forty two'}]);
});

test('one text from another: an answer to each, told piece by piece, and a stream', async () => {
  const rewrite = await pipeline('text2text-generation', translator, options);
  expect(rewrite.task).toBe('text2text-generation');
  expect(await rewrite('to words: 42')).toEqual([{generated_text: 'forty two'}]);
  const told = ['', ''];
  const answers = await rewrite(['to digits: forty two', 'to words: 7352'], {
    callback_function: (text, {item}) => (told[item!] += text),
  });
  expect(answers).toEqual([{generated_text: '42'}, {generated_text: 'seven thousand three hundred fifty two'}]);
  expect(told).toEqual(answers.map((answer) => answer.generated_text));
  expect(rewrite.last_result!.output[0]).toMatchObject({text: '42', finish_reason: 'stop'});
  expect(await rewrite('to words: 42', {return_full_text: true, max_new_tokens: 1})).toEqual([
    {generated_text: expect.stringMatching(/^to words: 42./)},
  ]);
  expect(rewrite.last_result!.output[0]).toMatchObject({finish_reason: 'length'});
  const pieces: string[] = [];
  for await (const piece of rewrite.stream('to words: 7352')) pieces.push(piece);
  expect(pieces.length).toBeGreaterThan(4);
  expect(pieces.join('')).toBe('seven thousand three hundred fifty two');
  expect(await codeOf(pipeline('text2text-generation', writer, options))).toBe('unknown_task');
});

test('one text from another stops as well', async () => {
  const rewrite = await pipeline('text2text-generation', translator, options);
  const endless = {stop_token_ids: [0], max_new_tokens: 500};
  const controller = new AbortController();
  const {signal} = controller;
  let heard = 0;
  const callback = () => {
    heard += 1;
    controller.abort();
  };
  expect(await codeOf(rewrite('to words: 42', {...endless, signal, callback_function: callback}))).toBe('cancelled');
  expect(heard).toBeGreaterThan(0);
  expect(heard).toBeLessThan(50);

  const second = new AbortController();
  const reading = (async () => {
    for await (const _ of rewrite.stream('to words: 42', {...endless, signal: second.signal})) second.abort();
  })();
  expect(await codeOf(reading)).toBe('cancelled');
  expect(await codeOf(rewrite.stream('to words: 42', {signal}).next())).toBe('cancelled');
  for await (const piece of rewrite.stream('to words: 42', endless)) {
    expect('forty two'.startsWith(piece)).toBe(true);
    break;
  }
  expect(await rewrite('to words: 42')).toEqual([{generated_text: 'forty two'}]);
});

test('other events have their turn while short runs follow each other', async () => {
  const model = longWriter();
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const seen: number[] = [];
  await accelerate(model, '42 =', {
    platform: 'cpu',
    threads: 1,
    cache: 'memory',
    max_new_tokens: 400,
    progress_callback: ({status}) => void (status === 'text' && seen.push(turns)),
  });
  clearInterval(timer);
  expect(turns - seen[0]!).toBeGreaterThan(3);
}, 120_000);
