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
