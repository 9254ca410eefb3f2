// Picture: the browser's own decoders. The engine has read the header, and left out what would turn or recolour the pixels.
import type {PortRequest, Ports} from '../border';
import {asError, fail} from '../errors';
import type {ByteTable} from './byteTable';

interface Pixels {
  width: number;
  height: number;
  rgba: Uint8Array<ArrayBuffer>;
}

async function decode(request: PortRequest): Promise<Pixels> {
  const file = new Blob([request.copy(0)], {type: request.text});
  const bitmap = await createImageBitmap(file, {colorSpaceConversion: 'none', premultiplyAlpha: 'none'});
  const {width, height} = bitmap;
  const canvas = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true})!;
  canvas.drawImage(bitmap, 0, 0);
  bitmap.close();
  const {data} = canvas.getImageData(0, 0, width, height);
  return {width, height, rgba: new Uint8Array(data.buffer)};
}

export function picturePort(table: ByteTable): Ports['requests'] {
  return {
    picture: async (request) => {
      if (typeof createImageBitmap !== 'function')
        fail('unsupported_media', 'there is no picture decoder here, only in browsers; pass pixels instead of a file');
      const {width, height, rgba} = await decode(request).catch((error: unknown) => {
        throw asError(error, 'malformed_media');
      });
      return {numbers: [width, height, ...table.add(rgba)]};
    },
  };
}
