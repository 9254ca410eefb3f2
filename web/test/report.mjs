// Runs the tests in Node and ends with a line that counts them: N passed, N failed.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'vitest-'));
const output = join(folder, 'report.json');
const {status} = spawnSync(
  process.execPath,
  [
    join(web, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${output}`,
  ],
  {cwd: web, stdio: 'inherit'},
);
let passed = 0;
let failed = 1; // a run that wrote no report has failed
try {
  const report = JSON.parse(readFileSync(output, 'utf8'));
  passed = report.numPassedTests;
  failed = report.numFailedTests + (report.success || report.numFailedTests > 0 ? 0 : 1);
} finally {
  rmSync(folder, {recursive: true, force: true});
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 && status === 0 ? 0 : 1;
