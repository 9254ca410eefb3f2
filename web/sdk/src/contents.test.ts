// Pictures in every form a page has them, and what is no picture.
import {afterEach, describe, expect, test, vi} from 'vitest';
import {readContents, type Picture} from './contents';
import {codeOf} from './testBorder';

const bytes = new Uint8Array([1, 2, 3]);
afterEach(() => vi.unstubAllGlobals());

/** What the engine is given for one picture. */
const read = async (picture: Picture) => readContents(picture, true);
const answering = (body: BodyInit | null, status = 200) => vi.fn(async () => new Response(body, {status}));

describe('a picture', () => {
  test('as a file, a Blob or bytes', async () => {
    expect(await read(new File([bytes], 'a.png'))).toEqual({image: bytes});
    expect(await read(new Blob([bytes]))).toEqual({image: bytes});
    expect(await read(bytes)).toEqual({image: bytes});
  });

  test('as an address', async () => {
    const fetched = answering(bytes);
    vi.stubGlobal('fetch', fetched);
    expect(await read('cat.png')).toEqual({image: bytes});
    expect(await read(new URL('https://here.test/cat.png'))).toEqual({image: bytes});
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  test('at an address that has none', async () => {
    vi.stubGlobal('fetch', answering(null, 404));
    expect(await codeOf(read('cat.png'))).toBe('not_found');
    await expect(read('cat.png')).rejects.toThrow('cat.png: the server answered with status 404');
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')));
    expect(await codeOf(read('cat.png'))).toBe('unreachable');
    await expect(read('cat.png')).rejects.toThrow('cat.png cannot be read: no network');
    vi.stubGlobal('fetch', (_: string, {signal}: RequestInit) => Promise.reject(signal!.reason));
    expect(await codeOf(readContents('cat.png', true, AbortSignal.abort()))).toBe('cancelled');
  });

  test('as pixels: grey, with and without alpha', async () => {
    const image = (pixels: number[]) => ({image: {width: 2, height: 1, pixels: new Uint8Array(pixels)}});
    const of = (data: number[]) => read({width: 2, height: 1, data: new Uint8ClampedArray(data)});
    expect(await of([1, 2, 3, 4, 5, 6])).toEqual(image([1, 2, 3, 4, 5, 6]));
    expect(await of([1, 2, 3, 0, 4, 5, 6, 0])).toEqual(image([1, 2, 3, 4, 5, 6]));
    expect(await of([7, 9])).toEqual(image([7, 7, 7, 9, 9, 9]));
  });

  test('with too few pixels, or of no size', async () => {
    for (const data of [[], [1, 2, 3], [1, 2, 3, 4]])
      expect(await codeOf(read({width: 2, height: 1, data: new Uint8Array(data)}))).toBe('invalid_argument');
    expect(await codeOf(read({width: 0, height: 0, data: new Uint8Array(3)}))).toBe('invalid_argument');
    expect(await codeOf(read({width: -1, height: -1, data: new Uint8Array(3)}))).toBe('invalid_argument');
  });
});

describe('contents', () => {
  test('texts stay as they are, beside pictures in objects', async () => {
    const texts = ['a', {text: 'b', pair: 'c'}, {messages: [{role: 'user', content: 'd'}]}];
    expect(await readContents(texts, false)).toEqual(texts);
    expect(await readContents([{image: new Blob([bytes])}, 'a'], false)).toEqual([{image: bytes}, 'a']);
    expect(await readContents({image: {width: 1, height: 1, pixels: bytes}}, false)).toEqual({
      image: {width: 1, height: 1, pixels: bytes},
    });
  });

  test('a pipeline of pictures takes lists of any forms', async () => {
    vi.stubGlobal('fetch', answering(bytes));
    expect(await readContents(['x.png', {image: bytes}, new Blob([bytes])], true)).toEqual(
      Array.from({length: 3}, () => ({image: bytes})),
    );
  });
});
