// The built package: its size, and that a stranger's program can use it in Node.
import {execFileSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {gzipSync} from 'node:zlib';
import {beforeAll, expect, test} from 'vitest';

const sdk = process.env.IA_WEB_DIST ? join(process.env.IA_WEB_DIST, 'sdk') : join(import.meta.dirname, '../dist/sdk');
const zoo = join(import.meta.dirname, '../../zoo');
const gzipLimit = 1_500_000;

beforeAll(() => {
  if (!existsSync(join(sdk, 'index.js'))) throw new Error(`no built SDK in ${sdk}; run npm run build`);
});

const gzipBytes = (name: string) => gzipSync(readFileSync(join(sdk, name)), {level: 9}).length;

test.each(['engine', 'engine-relaxed', 'engine-threads', 'engine-threads-relaxed'])(
  'first load with %s is at most 1.5 MB gzip',
  (program) => {
    const scripts = readdirSync(sdk).filter((name) => name.endsWith('.js'));
    const files = [...scripts, `${program}.mjs`, `${program}.wasm`];
    const total = files.reduce((sum, name) => sum + gzipBytes(name), 0);
    console.log(`first load with ${program}: ${(total / 1e6).toFixed(3)} MB gzip`);
    expect(total).toBeLessThanOrEqual(gzipLimit);
  },
);

test('the packed package has types, no dependencies, and runs in Node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'package-'));
  try {
    const npm = (args: string[]) =>
      execFileSync('npm', args, {cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
    npm(['pack', sdk, '--silent']);
    const packed = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
    writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}');
    npm([
      'install',
      `./${packed}`,
      '--offline',
      '--no-audit',
      '--no-fund',
      '--silent',
      '--omit=peer',
      '--omit=optional',
    ]);
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'ipfs_accelerate_js',
    ]);
    expect(existsSync(join(folder, 'node_modules/ipfs_accelerate_js/types/index.d.ts'))).toBe(true);
    writeFileSync(
      join(folder, 'run.mjs'),
      `
      import {accelerate} from 'ipfs_accelerate_js';
      const result = await accelerate(${JSON.stringify(join(zoo, 'numbers-bert'))}, ['forty two', '42'], {platform: 'cpu'});
      console.log(JSON.stringify({platform: result.platform, sizes: result.output.map((row) => row.length), cid: result.cid}));`,
    );
    const printed = JSON.parse(
      execFileSync(process.execPath, ['run.mjs'], {cwd: folder, encoding: 'utf8', timeout: 60_000}),
    ) as object;
    expect(printed).toMatchObject({platform: 'cpu', sizes: [128, 128], cid: expect.stringMatching(/^bafy/)});
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
});

test('WebGPU in Node gives the same numbers as the CPU, and says which adapter computed', () => {
  const script = `
    import {accelerate, detect} from ${JSON.stringify(pathToFileURL(join(sdk, 'index.js')).href)};
    const run = (platform) =>
      accelerate(${JSON.stringify(join(zoo, 'numbers-bert'))}, ['forty two', '42'], {platform, allow_fallback: false});
    const [gpu, cpu] = [await run('webgpu'), await run('cpu')];
    const worst = Math.max(...gpu.output.flat().map((value, i) => Math.abs(value - cpu.output.flat()[i])));
    const {switched_off: switchedOff} = (await detect()).webgpu;
    const {platform, adapter_info: adapter, is_real_hardware: real} = gpu;
    console.log(JSON.stringify({worst, platform, adapter, real, switchedOff}));
    process.exit(0);`;
  const folder = mkdtempSync(join(tmpdir(), 'webgpu-'));
  writeFileSync(join(folder, 'run.mjs'), script);
  const lines = execFileSync(process.execPath, [join(folder, 'run.mjs')], {
    encoding: 'utf8',
    timeout: 240_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  rmSync(folder, {recursive: true});
  const last = lines.trim().split('\n').at(-1)!;
  console.log(last);
  const found = JSON.parse(last) as {worst: number; platform: string; adapter: string};
  expect(found.platform).toBe('webgpu');
  expect(found.worst).toBeLessThan(1e-4);
  expect(found.adapter).toMatch(/\w/);
}, 250_000);
