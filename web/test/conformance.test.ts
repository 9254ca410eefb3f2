// Every op on the WebAssembly CPU backend in Node, with plain and with relaxed SIMD, against the reference.
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect, test} from 'vitest';
import {CpuProgram} from '../sdk/src/cpu';
import {Native} from '../sdk/src/wasm';
import {runCase, type ConformanceCase} from './conformanceCase';

const root = join(import.meta.dirname, '../..');
const bin = process.env.IA_BIN || join(root, 'build/release/bin');
const programs = process.env.IA_WASM_BUILD || join(root, 'build/wasm');

test.each([[false, 'engine'], [true, 'engine-relaxed']])('every op, relaxed SIMD %s', async (relaxedSimd, program) => {
  const folder = mkdtempSync(join(tmpdir(), 'cases-'));
  execFileSync(join(bin, 'page_cases'), [folder]);
  const cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as ConformanceCase[];
  const blob = new Uint8Array(readFileSync(join(folder, 'cases.bin'))).buffer;
  rmSync(folder, {recursive: true});
  const native = await Native.load({folder: pathToFileURL(`${join(programs, 'single/bin')}/`).href, threads: 1, relaxedSimd});
  expect(native.program).toBe(program);
  const results = [];
  for (const c of cases) results.push(await runCase(native, c, blob, (segment) => new CpuProgram(native, segment, {precision: 32, threads: 1})));
  expect(results.length).toBeGreaterThan(300);
  expect(results.filter(({failure, error, tolerance}) => failure || !(error >= 0 && error <= tolerance))).toEqual([]);
});
