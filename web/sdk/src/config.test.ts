import {expect, test} from 'vitest';
import {resolveConfig, type Config} from './config';

const codeOf = (config: unknown): string => {
  try {
    resolveConfig(config as Config);
    return '';
  } catch (error) {
    return (error as {code: string}).code;
  }
};

test('defaults are filled in, wasm is the cpu', () => {
  expect(resolveConfig({})).toMatchObject({platform: 'auto', precision: 32, allow_fallback: true, top_k: 5});
  expect(resolveConfig({platform: 'wasm'}).platform).toBe('cpu');
});

test('undefined counts as absent', () => {
  expect(resolveConfig({top_k: undefined} as unknown as Config).top_k).toBe(5);
});

test.each([
  [{presicion: 16}, 'unknown_option'],
  [{platform: 'tpu'}, 'unknown_platform'],
  [{precision: 4}, 'unsupported_precision'],
  [{mixed_precision: true}, 'unsupported_precision'],
  [{top_k: 0}, 'invalid_argument'],
  [{batch_size: 1.5}, 'invalid_argument'],
  [{threads: -1}, 'invalid_argument'],
  [{precision: '16'}, 'invalid_argument'],
  [{normalize: 'yes'}, 'invalid_argument'],
])('%j is refused as %s', (config, code) => {
  expect(codeOf(config)).toBe(code);
});
