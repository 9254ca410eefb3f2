// The WebAssembly engine for unit tests, from the build folder.
import {pathToFileURL} from 'node:url';
import {join} from 'node:path';
import {Native} from './wasm';

export function testNative(): Promise<Native> {
  const build = process.env.IA_WASM_BUILD || join(import.meta.dirname, '../../../build/wasm');
  return Native.load({folder: pathToFileURL(`${join(build, 'single/bin')}/`).href, threads: 1});
}
