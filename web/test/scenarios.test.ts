// The engine's scenarios in WebAssembly under Node: the same trace of port requests as natively.
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {TestBorder} from '../sdk/src/testBorder';

const program = join(import.meta.dirname, '../../build/release/bin/scenario_traces');

test('scenarios leave the native trace', async () => {
  const native = execFileSync(program, {encoding: 'utf8', maxBuffer: 64 << 20});
  const engine = await TestBorder.open({});
  const {traces, problems} = await engine.call<{traces: string; problems: string[]}>('scenarios', {});
  engine.border.close();
  expect(problems).toEqual([]);
  expect(traces.split('\n').length).toBeGreaterThan(300);
  expect(traces).toBe(native);
}, 240_000);
