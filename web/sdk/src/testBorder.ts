// The test program (tests/page) on this process's ports, for unit tests, from the build folder.
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {Border} from './border';
import {ByteTable} from './ports/byteTable';
import type {BlockCache} from './ports/cache';
import {MemoryCache} from './ports/memoryCache';
import {openPorts} from './ports/ports';
import {loadProgram} from './program';

export const programs = process.env.IA_WASM_BUILD || join(import.meta.dirname, '../../../build/wasm');
export const programFolder = (kind: 'single' | 'threads') => pathToFileURL(`${join(programs, kind, 'bin')}/`).href;

interface TestOptions {
  cache?: BlockCache;
  threads?: number;
  relaxedSimd?: boolean;
  webCrypto?: boolean;
}

export class TestBorder {
  private constructor(
    readonly border: Border,
    readonly table: ByteTable,
  ) {}

  static async open({
    cache = new MemoryCache(),
    threads = 1,
    relaxedSimd = true,
    webCrypto = true,
  }: TestOptions = {}): Promise<TestBorder> {
    const table = new ByteTable();
    const program = await loadProgram(
      {folder: programFolder(threads > 1 ? 'threads' : 'single'), threads, relaxedSimd, kind: 'test'},
      table,
    );
    const facts = {
      threads,
      cache: cache.kind,
      user_agent: globalThis.navigator.userAgent,
      files: true,
      web_crypto: webCrypto,
    };
    return new TestBorder(await Border.open(program, await openPorts(table, cache), facts), table);
  }

  /** One of the calls in tests/page. */
  call<T>(test: string, request: object = {}, options: Parameters<Border['call']>[1] = {}): Promise<T> {
    return this.border.call<T>({...request, method: `test.${test}`}, options);
  }
}

export const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: {code: string}) => error.code,
  );
