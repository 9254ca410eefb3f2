// Contents: pictures as a page has them (files, addresses, a canvas's data) become the bytes that the engine takes.
import type {Content, Input} from './engine';
import {asError, fail} from './errors';

/** A PNG or JPEG: a file, its bytes or its address; or pixels, 1, 3 or 4 bytes each (ImageData, transformers.js's RawImage). */
export type Picture =
  Blob | Uint8Array | URL | string | {width: number; height: number; data: Uint8Array | Uint8ClampedArray};

/** What a caller gives: what the engine takes, or pictures in other forms. */
export type Given = Input | {image: Picture};

async function fileAt(address: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    const response = await fetch(address, {signal: signal ?? null});
    if (!response.ok) fail('not_found', `${address}: the server answered with status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const {code, message} = asError(error, 'unreachable');
    return fail(code, code === 'unreachable' ? `${address} cannot be read: ${message}` : message, error);
  }
}

/** 3 bytes for each pixel: grey is repeated, alpha left out. */
function rgb({width, height, data}: Extract<Picture, {width: number}>): Input {
  const channels = data.length / (width * height);
  if (!(width > 0) || ![1, 3, 4].includes(channels)) {
    const wanted = '1, 3 or 4 for each pixel are needed';
    fail('invalid_argument', `a picture of ${width} x ${height} pixels has ${data.length} bytes; ${wanted}`);
  }
  const pixels = new Uint8Array(3 * width * height);
  const step = channels === 1 ? 0 : 1;
  for (let from = 0, to = 0; to < pixels.length; from += channels)
    for (let channel = 0; channel < 3; ++channel) pixels[to++] = data[from + step * channel]!;
  return {image: {width, height, pixels}};
}

async function imageOf(picture: Picture, signal?: AbortSignal): Promise<Input> {
  if (typeof picture === 'string' || picture instanceof URL) return {image: await fileAt(picture, signal)};
  if (picture instanceof Blob) return {image: new Uint8Array(await picture.arrayBuffer())};
  if (typeof picture === 'object' && picture !== null && 'data' in picture) return rgb(picture);
  return {image: picture}; // the engine says what is wrong with others
}

/** One picture after the other. `pictures`: items are pictures themselves, not objects with one. */
export async function readContents(
  content: Given | Picture | (Given | Picture)[],
  pictures: boolean,
  signal?: AbortSignal,
): Promise<Content> {
  const read = async (item: Given | Picture): Promise<Input> => {
    if (typeof item === 'object' && item !== null && 'image' in item) return imageOf(item.image as Picture, signal);
    return pictures ? imageOf(item as Picture, signal) : (item as Input);
  };
  if (!Array.isArray(content)) return read(content);
  const items: Input[] = [];
  for (const item of content) items.push(await read(item));
  return items;
}
