// Picture: the browser's own decoders. The engine has read the header, and left out what would turn or recolour the pixels.
import type {Ports} from '../border';
import {asError, fail} from '../errors';
import type {ByteTable} from './byteTable';

type Pixels = Uint8Array<ArrayBuffer>;

/** Keeps the colours of transparent pixels, which a 2D canvas multiplies by their alpha. Undefined where there is no room. */
function readTexture(bitmap: ImageBitmap): Pixels | undefined {
  const {width, height} = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext('webgl');
  if (!gl) return undefined;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const pixels = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  const done = gl.getError() === gl.NO_ERROR;
  gl.getExtension('WEBGL_lose_context')?.loseContext(); // a page may have few
  return done ? pixels : undefined;
}

function readCanvas(bitmap: ImageBitmap): Pixels {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', {willReadFrequently: true})!;
  canvas.drawImage(bitmap, 0, 0);
  return new Uint8Array(canvas.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
}

export function picturePort(table: ByteTable): Ports['requests'] {
  return {
    picture: async (request) => {
      if (typeof createImageBitmap !== 'function')
        fail('unsupported_media', 'there is no picture decoder here, only in browsers; pass pixels instead of a file');
      const file = new Blob([request.copy(0)], {type: request.text});
      const options = {colorSpaceConversion: 'none', premultiplyAlpha: 'none'} as const;
      const bitmap = await createImageBitmap(file, options).catch((error: unknown) => {
        throw asError(error, 'malformed_media');
      });
      const pixels = (request.text === 'image/png' && readTexture(bitmap)) || readCanvas(bitmap);
      return {numbers: [bitmap.width, bitmap.height, ...table.add(pixels)]};
    },
  };
}
