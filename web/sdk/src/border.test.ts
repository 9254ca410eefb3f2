// The border when the program ends in the middle of things.
import {afterEach, expect, test} from 'vitest';
import {TestBorder, codeOf} from './testBorder';

const unheard: unknown[] = [];
const hear = (error: unknown) => unheard.push(error);
process.on('unhandledRejection', hear);
afterEach(() => void unheard.splice(0));

test('a program that has no memory left for an answer: out_of_memory, and no rejection that nobody hears', async () => {
  const engine = await TestBorder.open();
  const asked = codeOf(engine.call('clock', {seconds: 0.02}));
  engine.border.program.module._ia_scratch = () => {
    throw new WebAssembly.RuntimeError('out of memory');
  };
  expect(await asked).toBe('out_of_memory');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(unheard).toEqual([]);
});

test('an answer that cannot be written is told to every caller', async () => {
  const engine = await TestBorder.open();
  const asked = codeOf(engine.call('clock', {seconds: 0.02}));
  engine.border.program.module._ia_scratch = () => 2 ** 32 - 8; // past the end of the memory
  expect(await asked).toBe('internal');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(unheard).toEqual([]);
});
