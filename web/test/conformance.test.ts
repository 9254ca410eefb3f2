// Every op on the WebAssembly CPU backend in Node, with plain and with relaxed SIMD, against the reference.
import {expect, test} from 'vitest';
import {TestBorder} from '../sdk/src/testBorder';

interface Report {
  all: number;
  ran: number;
  declined: string[];
  wrong: string[];
}

test.each([
  [false, 1, 'test'],
  [true, 1, 'test-relaxed'],
  [true, 2, 'test-threads-relaxed'],
])('every op, relaxed SIMD %s, threads %d', async (relaxedSimd, threads, program) => {
  const engine = await TestBorder.open({relaxedSimd, threads});
  expect(engine.border.program.name).toBe(program);
  const report = await engine.call<Report>('conformance', {platform: 'cpu'});
  expect(report).toMatchObject({ran: report.all, declined: [], wrong: []});
  expect(report.all).toBeGreaterThan(300);
  engine.border.close();
});
