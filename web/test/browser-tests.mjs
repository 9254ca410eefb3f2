// The tests in real browsers: probe, every op, recorded models, the shipped models, cache, gateways, errors, the demo page.
//   browser-tests.mjs [--only TEXT]     prints a line per test and `N passed, N failed`
import {execFileSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {runPage, startPageServer} from './browsers.mjs';
import {mountModels, performCall} from './calls.mjs';
import {openConformance} from './conformance.mjs';
import {demo, demoPicture, stopping, writing} from './demoPage.mjs';
import {expect} from './expect.mjs';
import {startGateway} from './gateway.mjs';
import {writeLongWriter} from './longWriter.mjs';
import {openSdkPage} from './sdkPage.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const bin = process.env.IA_BIN || join(root, 'build/release/bin');
const dist = process.env.IA_WEB_DIST || join(root, 'web/dist');
const fixtures = join(root, 'tests/fixtures');
const zoo = join(root, 'zoo');
const {
  values: {only},
} = parseArgs({options: {only: {type: 'string', default: ''}}});

let passed = 0,
  failed = 0;
/**
 * Firefox ESR 153 blocks for ever, about once in 150 starts on a busy machine, in the constructor of a worker that a worker makes
 * (web/sdk/README.md); the SDK says so after a while. Such a test is told and tried once more.
 */
async function unlessBlocked(name, work) {
  try {
    return await work();
  } catch (error) {
    const blocked = error.hung || error.message.includes('blocked while it started a thread');
    if (!blocked || !name.includes('firefox')) throw error;
    console.log(`again ${name}: ${error.message}`);
    return work();
  }
}
async function test(name, work) {
  if (!name.includes(only)) return;
  const start = Date.now();
  try {
    const note = await unlessBlocked(name, work);
    passed += 1;
    console.log(`ok    ${name}${note ? `: ${note}` : ''} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}
/** The call must fail with this code. */
async function expectCode(code, call) {
  const outcome = await call.then(
    (value) => ({value}),
    (error) => ({error}),
  );
  expect(outcome.error, `no error; ${code} was expected`);
  expect(outcome.error.code === code, `${outcome.error.message}; ${code} was expected`);
  expect(outcome.error.message.length > code.length + 12, `the message says too little: ${outcome.error.message}`);
}

async function probe(browser, check) {
  const server = await startPageServer({mounts: {'/': `${join(root, 'web/test')}/`}});
  try {
    const found = await runPage({browser, url: `${server.origin}/probe.html`});
    expect(found.isolated && found.sharedMemory, 'the page is not cross-origin isolated');
    expect(found.simd, 'no WebAssembly SIMD');
    return check(found);
  } finally {
    await server.close();
  }
}
const probeGpu = ({webgpu}) => {
  expect(webgpu && webgpu.error < 1e-5, `no working WebGPU: ${JSON.stringify(webgpu)}`);
  return `WebGPU ${webgpu.architecture || '(unnamed adapter)'}`;
};
const probeWebnn = ({webnn}) => {
  expect(webnn && webnn.error < 1e-5, `no working WebNN: ${JSON.stringify(webnn)}`);
  return `${Object.keys(webnn.limits).length} limits`;
};

let conformance; // made by the first test that needs it
/** Every conformance case on one platform of one browser, or with `subset` few that cover all kernels or variants. */
async function everyOp(options) {
  conformance ??= await openConformance();
  const {all, ran, kinds, declined, wrong, threads, program, variants, pipelines} = await conformance.run(options);
  expect(all > 300 && (options.subset ? ran > 10 : ran === all), `only ${ran} of ${all} cases ran`);
  // WebNN has no numbers that keep the angles of far positions, and keeps nothing between runs.
  const refused = declined.filter((text) => options.platform !== 'webnn' || !/^(rope|append) /.test(text));
  expect(refused.length === 0, `${refused.length} of ${ran} declined: ${refused.slice(0, 3).join('; ')}`);
  expect(wrong.length === 0, `${wrong.length} of ${ran}: ${wrong.slice(0, 3).join('; ')}`);
  const count = `${ran}${options.subset ? ` of ${all}` : ''} cases of ${kinds} kinds`;
  if (options.subset) return `${count}, ${pipelines} pipelines, covering ${variants} ${options.subset}`;
  if (options.platform !== 'cpu') return count;
  expect(threads > 1 && program.includes('threads'), `${program} with ${threads} threads`);
  return `${count}, ${program}, ${threads} threads`;
}

/** The engine's scenarios in the page: the same trace of port requests as natively. */
async function scenarios(browser) {
  conformance ??= await openConformance();
  const {traces, problems} = await conformance.run({browser, method: 'test.scenarios'});
  const native = execFileSync(join(root, 'build/release/bin/scenario_traces'), {encoding: 'utf8', maxBuffer: 64 << 20});
  expect(problems.length === 0, problems.slice(0, 3).join('; '));
  const lines = traces.split('\n'),
    wanted = native.split('\n');
  const at = wanted.findIndex((line, i) => line !== lines[i]);
  expect(at < 0 && lines.length === wanted.length, `line ${at + 1} is '${lines[at]}', natively '${wanted[at]}'`);
  return `${lines.length} lines equal the native trace`;
}

/**
 * Pictures in the page: PNGs to the bit as natively, JPEGs within a few levels. Without WebGL (Firefox here) the colours
 * of transparent pixels come from a canvas, which rounds them; Firefox rounds 16 bits to 8.
 */
async function pictures(browser) {
  conformance ??= await openConformance();
  const folder = join(fixtures, 'images');
  const names = ['', 'files', 'damaged'].flatMap((part) =>
    readdirSync(join(folder, part)).map((name) => join(part, name)),
  );
  const files = names.filter((name) => /\.(png|jpg|gif)$/.test(name));
  const urls = files.map((name) => `/fixtures/images/${name}`);
  const {pictures: found} = await conformance.run({browser, method: 'test.pictures', urls});
  const output = execFileSync(
    join(bin, 'picture_pixels'),
    files.map((name) => join(folder, name)),
    {encoding: 'utf8', maxBuffer: 64 << 20},
  );
  const wanted = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const bound = (name) => {
    if (name.endsWith('.jpg')) return 4;
    if (browser !== 'firefox') return 0;
    return /alpha|rgba/.test(name) ? 255 : Number(name.includes('16'));
  };
  const wrong = files.filter((name, i) => !(pictureDifference(found[i], wanted[i]) <= bound(name)));
  expect(files.length > 30 && wrong.length === 0, `${wrong.length} of ${files.length} differ: ${wrong.join(', ')}`);
  return `${files.length} pictures`;
}
/** The largest difference of a level, 0 for the same error; NaN when they cannot be compared. */
function pictureDifference(found, wanted) {
  if (found.code || wanted.code) return found.code === wanted.code ? 0 : NaN;
  if (found.width !== wanted.width || found.height !== wanted.height) return NaN;
  const [a, b] = [found, wanted].map(({pixels}) => Buffer.from(pixels, 'base64'));
  return a.reduce((most, level, i) => Math.max(most, Math.abs(level - b[i])), 0);
}

/** The one judge (tests/golden): its calls, or with answers its verdict; throws, with what was wrong, unless all passed. */
const judge = (folders, platform, words, input) =>
  execFileSync(join(bin, 'golden_models'), [...folders, '--platform', platform, ...words], {
    encoding: 'utf8',
    input,
    maxBuffer: 256 << 20,
  });
const callsOf = (folders, platform, words = []) =>
  judge(folders, platform, [...words, '--calls'])
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** Models that a platform is not asked for are left out here, and where they are run instead is said. */
const covered = {
  // WebNN keeps nothing between runs: models that generate are the CPU's there, which a unit test of plans shows.
  webnn: ['--only', 'bert,distilbert,mpnet,roberta,vit,numbers-bert,digits'],
  // Chromium's adapter is slow: one model of each family. All run on Firefox's, natively, and in the page on the CPU.
  'chromium webgpu': ['--only', 'bert-mlm,gpt2,llama-tied,t5,vit,numbers-bert-classifier'],
};

/** The recorded models and the shipped ones, asked for and judged by the one judge, in one page. */
async function models({browser, platform, isolated = true}) {
  // The other shipped models' many texts take a software adapter minutes; natively they are run on one.
  const folders = [fixtures, platform === 'webgpu' ? join(zoo, 'numbers-bert-classifier') : zoo];
  const only = covered[platform] ?? covered[`${browser} ${platform}`] ?? [];
  const calls = callsOf(folders, platform, only);
  const {paths, mounts} = mountModels(calls);
  const sdk = await openSdkPage({browser, isolated, mounts});
  try {
    const answers = [];
    for (const call of calls) answers.push(await performCall(sdk, paths, call));
    const verdict = judge(
      folders,
      platform,
      [...only, '--answers', '-'],
      answers.map((one) => JSON.stringify(one)).join('\n'),
    );
    const adapter = answers.findLast(({value}) => value?.adapter_info).value.adapter_info;
    if (platform === 'cpu') {
      const threads = Number(/(\d+) threads?/.exec(adapter)?.[1]);
      expect(isolated ? threads > 1 : threads === 1, `${adapter} in a page that is ${isolated ? '' : 'not '}isolated`);
    }
    return `${verdict.trim().split('\n').at(-1)}, ${adapter}`;
  } finally {
    await sdk.close();
  }
}

/** The shipped classifier from wherever `model` says, judged; gives the result. */
async function classifier(sdk, config, model) {
  const folders = [join(zoo, 'numbers-bert-classifier')];
  const [call] = callsOf(folders, 'cpu');
  const value = await sdk.call('accelerate', model, call.inputs, {...call.config, ...config});
  judge(folders, 'cpu', ['--answers', '-'], JSON.stringify({value}));
  return value;
}

/** First load from a gateway, second from the cache; then a flipped byte in the cache, with and without the gateway. */
async function cacheAndGateway(browser, gateway) {
  const profile = await mkdtemp(join(tmpdir(), 'profile-'));
  const model = {cid: gateway.cids['numbers-bert-classifier']};
  const options = {browser, profile, mounts: {}, routes: gateway.routes};
  let sdk = await openSdkPage(options);
  try {
    const config = () => ({gateways: [`${sdk.origin}/honest`]});
    const first = await classifier(sdk, config(), model);
    expect(
      first.ipfs_source === 'ipfs' && !first.ipfs_cache_hit && first.content.blocks_fetched > 0,
      `first load: ${JSON.stringify(first.content)}`,
    );
    expect(first.cid === model.cid, `the result names ${first.cid}`);
    await sdk.call('dispose');
    const second = await classifier(sdk, {...config(), gateways: [`${sdk.origin}/nowhere`]}, model);
    expect(
      second.ipfs_cache_hit && second.ipfs_source === 'cache' && second.content.blocks_fetched === 0,
      `second load: ${JSON.stringify(second.content)}`,
    );
    expect(second.content.bytes_verified === first.content.bytes_verified, 'cached bytes were not all verified again');
    await sdk.call('dispose');
    const flipped = await sdk.page.evaluate(flipBytesInCache);
    expect(flipped > 0, 'no block in the cache could be changed');
    await expectRefused(sdk.call('accelerate', model, ['42'], {platform: 'cpu', gateways: [`${sdk.origin}/nowhere`]}));
    await sdk.call('dispose');
    const third = await classifier(sdk, config(), model);
    expect(
      third.content.blocks_fetched > 0,
      `corrupted blocks were not fetched again: ${JSON.stringify(third.content)}`,
    );
    return `${first.content.blocks_fetched} blocks, cache ${first.content.cache}`;
  } finally {
    await sdk.close();
    await rm(profile, {recursive: true, force: true, maxRetries: 5});
  }
}
/** Bytes that do not fit their CID, with no other source: an error of the content group, never a result. */
async function expectRefused(call) {
  const outcome = await call.then(
    () => undefined,
    (error) => error,
  );
  expect(
    outcome && ['integrity', 'not_found', 'no_source', 'unreachable', 'source_error'].includes(outcome.code),
    `a corrupted cache led to ${outcome?.message ?? 'a result'}`,
  );
}
const flipBytesInCache = `(async () => {
  let flipped = 0;
  const walk = async (folder) => {
    for await (const entry of folder.values()) {
      if (entry.kind === 'directory') { await walk(entry); continue; }
      const bytes = new Uint8Array(await (await entry.getFile()).arrayBuffer());
      if (bytes.length < 5000) continue;
      bytes[bytes.length >> 1] ^= 1;
      const stream = await entry.createWritable();
      await stream.write(bytes);
      await stream.close();
      flipped += 1;
    }
  };
  await walk(await navigator.storage.getDirectory());
  return flipped;
})()`;

/** Everything that can go wrong in the page has a code and a sentence. */
async function errors(browser, gateway) {
  const routes = {
    ...gateway.routes,
    '/unknown/config.json': (_, response) =>
      response.end(JSON.stringify({model_type: 'abacus', architectures: ['AbacusModel']})),
    '/untokenized/tokenizer.json': (_, response) => {
      response.statusCode = 404;
      response.end();
    },
    '/unweighted/model.safetensors': (_, response) => {
      response.statusCode = 404;
      response.end();
    },
    '/garbled/model.safetensors': (_, response) =>
      response.end(Buffer.concat([Buffer.from([16, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"embeddings": no')])),
    '/endless/model.safetensors': (_, response) => response.end('a header length of eight letters'),
    '/configless/config.json': (_, response) => response.end('{"model_type": '),
  };
  const mounts = Object.fromEntries(
    ['unknown', 'untokenized', 'unweighted', 'garbled', 'endless', 'configless', 'whole'].map((name) => [
      `/${name}/`,
      `${zoo}/numbers-bert/`,
    ]),
  );
  const sdk = await openSdkPage({browser, mounts, routes});
  const cid = gateway.cids['numbers-bert'];
  const run = (model, config = {}, content = ['42']) =>
    sdk.call('accelerate', model, content, {platform: 'cpu', allow_fallback: false, ...config});
  const at = (name) => ({url: `${sdk.origin}/${name}/`});
  try {
    await expectCode('not_found', run(at('unweighted')));
    await expectCode('unknown_architecture', run(at('unknown')));
    await expectCode('missing_tokenizer', run(at('untokenized')));
    await expectCode('malformed_weights', run(at('garbled')));
    await expectCode('limit_exceeded', run(at('endless')));
    await expectCode('malformed_config', run(at('configless')));
    await expectCode('source_lied', run({cid}, {gateways: [`${sdk.origin}/lying`]}));
    await expectCode('timeout', run({cid}, {gateways: [`${sdk.origin}/stalled`], stall_timeout: 400}));
    await expectCode('unreachable', run({cid}, {gateways: ['http://127.0.0.1:9']}));
    await expectCode('invalid_cid', run({cid: 'bafynotacid'}));
    await expectCode('unknown_option', run(at('whole'), {presicion: 16}));
    await expectCode('unknown_platform', run(at('whole'), {platform: 'abacus'}));
    await expectCode('unsupported_precision', run(at('whole'), {precision: 7}));
    await expectCode('input_too_long', run(at('whole'), {truncation: false}, ['forty two '.repeat(600)]));
    await expectCode('invalid_argument', run(at('whole'), {}, []));
    await expectCode('no_adapter', run(at('whole'), {platform: browser === 'chromium-webnn' ? 'webgpu' : 'webnn'}));
    await expectCode('cancelled', run({cid}, {gateways: [`${sdk.origin}/stalled`], stopAfter: 200}));
    const fallback = await run(at('whole'), {
      platform: browser === 'chromium-webnn' ? 'webgpu' : 'webnn',
      allow_fallback: true,
    });
    expect(
      fallback.platform === 'cpu' && fallback.fallback.length > 20,
      `the fallback is not explained: ${JSON.stringify(fallback.fallback)}`,
    );
    const fetched = await run({cid}, {gateways: [`${sdk.origin}/lying`, `${sdk.origin}/honest`]});
    expect(fetched.output.length === 1, 'after all these errors nothing runs any more');
    return '19 cases';
  } finally {
    await sdk.close();
  }
}

/** Pictures as a page has them, a File above all: the same labels as the command line gives for the file. */
async function classified(browser) {
  const names = ['000.png', '006.png'];
  const model = join(zoo, 'digits-vit');
  const words = ['run', model, ...names.map((name) => join(model, 'eval', name)), '--platform', 'cpu', '--json'];
  const home = await mkdtemp(join(tmpdir(), 'home-'));
  const env = {...process.env, IPFS_ACCELERATE_HOME: home};
  const natively = (...more) =>
    JSON.parse(execFileSync(join(bin, 'ipfs-accelerate'), [...words, ...more], {encoding: 'utf8', env})).output;
  const native = natively();
  const embedded = natively('--task', 'image-feature-extraction');
  await rm(home, {recursive: true, force: true});
  const sdk = await openSdkPage({browser, mounts: {'/vit/': `${model}/`, '/fixtures/': `${fixtures}/`}});
  try {
    const found = await sdk.page.evaluate(`(async () => {
      const {pipeline, accelerate} = globalThis.sdk;
      const model = {url: location.origin + '/vit/'};
      const bytes = async (path) => (await fetch(path)).blob();
      const files = await Promise.all(${JSON.stringify(names)}.map(async (name) =>
        new File([await bytes('/vit/eval/' + name)], name, {type: 'image/png'})));
      const classify = await pipeline('image-classification', model, {device: 'cpu'});
      const embed = await pipeline('image-feature-extraction', model, {device: 'cpu'});
      const code = (call) => call.then(() => 'no error', (error) => error.code);
      const bitmap = await createImageBitmap(files[0]);
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      canvas.drawImage(bitmap, 0, 0);
      return {
        list: await classify(files),
        one: await classify(files[1]),
        vectors: (await embed(files)).tolist(),
        address: await classify('/vit/eval/000.png', {top_k: 1}),
        data: await classify(canvas.getImageData(0, 0, bitmap.width, bitmap.height)),
        run: (await accelerate(model, {image: files[0]}, {platform: 'cpu'})).output,
        codes: [
          await code(classify('/vit/eval/none.png')),
          await code(classify(new File(['no picture'], 'a.png'))),
          await code(classify(await bytes('/fixtures/images/damaged/cut.png'))),
          await code(classify(await bytes('/fixtures/images/damaged/huge.png'))),
          await code(accelerate(model, 'seven', {platform: 'cpu'})),
          await code(accelerate(model, 'seven', {platform: 'cpu', task: 'feature-extraction'})),
        ],
      };
    })()`);
    const same = (ours, theirs) =>
      ours.every(({label, score}, i) => label === theirs[i].label && Math.abs(score - theirs[i].score) < 1e-4);
    expect(found.list.length === 2 && found.list[0].length === 5, `the list is ${JSON.stringify(found.list)}`);
    for (const [ours, theirs] of [
      [found.list[0], native[0]],
      [found.list[1], native[1]],
      [found.one, native[1]],
      [found.address, native[0]],
      [found.data, native[0]],
      [found.run[0], native[0]],
    ])
      expect(same(ours, theirs), `${JSON.stringify(ours)}, natively ${JSON.stringify(theirs)}`);
    const apart = found.vectors.flatMap((row, i) => row.map((value, j) => Math.abs(value - embedded[i][j])));
    expect(apart.length === 192 && Math.max(...apart) < 1e-4, `embeddings differ by ${Math.max(...apart)}`);
    const codes = [
      'not_found',
      'unsupported_media',
      'malformed_media',
      'limit_exceeded',
      'invalid_argument',
      'unknown_task',
    ];
    expect(JSON.stringify(found.codes) === JSON.stringify(codes), `codes ${found.codes}`);
    return `${native.map(([{label}]) => label)}, as natively`;
  } finally {
    await sdk.close();
  }
}

/** T5 in a page: an answer to each text, a stream, and both stopped, by a signal and by leaving the loop. */
async function rewritten(browser) {
  const sdk = await openSdkPage({browser, mounts: {'/t5/': `${join(zoo, 'numbers-t5')}/`}});
  try {
    const found = await sdk.page.evaluate(`(async () => {
      const {pipeline} = globalThis.sdk;
      const rewrite = await pipeline('text2text-generation', {url: location.origin + '/t5/'}, {device: 'cpu'});
      const code = (call) => call.then(() => 'no error', (error) => error.code);
      const answers = await rewrite(['to words: 42', 'to digits: forty two']);
      const pieces = [];
      for await (const piece of rewrite.stream('to words: 42')) pieces.push(piece);
      const endless = {stop_token_ids: [0], max_new_tokens: 500};
      const [called, streamed] = [new AbortController(), new AbortController()];
      const stop = {...endless, signal: called.signal, callback_function: () => called.abort()};
      const codes = [await code(rewrite('to words: 42', stop))];
      codes.push(await code((async () => {
        for await (const piece of rewrite.stream('to words: 42', {...endless, signal: streamed.signal})) streamed.abort();
      })()));
      for await (const piece of rewrite.stream('to words: 42', endless)) break;
      return {answers, pieces, codes, after: await rewrite('to digits: forty two'), platform: rewrite.last_result.platform};
    })()`);
    const wanted = [{generated_text: 'forty two'}, {generated_text: '42'}];
    expect(found.platform === 'cpu', `it ran on ${found.platform}`);
    expect(
      JSON.stringify(found.answers) === JSON.stringify(wanted),
      `the answers are ${JSON.stringify(found.answers)}`,
    );
    expect(found.pieces.length > 1 && found.pieces.join('') === 'forty two', `the pieces are ${found.pieces}`);
    expect(found.codes.join() === 'cancelled,cancelled', `stopping gives ${found.codes}`);
    expect(found.after[0].generated_text === '42', `after that it answers ${JSON.stringify(found.after)}`);
    return `${found.pieces.length} pieces`;
  } finally {
    await sdk.close();
  }
}

await test('probe chromium', () => probe('chromium', probeGpu));
await test('probe firefox', () => probe('firefox', probeGpu));
await test('probe chromium-webnn', () => probe('chromium-webnn', probeWebnn));
await test('every op in chromium, wasm', () => everyOp({browser: 'chromium', platform: 'cpu'}));
await test('every op on WebNN, f32', () => everyOp({browser: 'chromium-webnn', platform: 'webnn'}));
await test('every op on WebNN, batches over several contexts', () =>
  everyOp({browser: 'chromium-webnn', platform: 'webnn', lanes: true}));
await test('every op on WebNN, f16', () =>
  everyOp({browser: 'chromium-webnn', platform: 'webnn', precision: 16, scale: 500}));
await test('every op in firefox, webgpu', () => everyOp({browser: 'firefox', platform: 'webgpu', subset: 'variants'}));
await test('every kernel in chromium, webgpu', () =>
  everyOp({browser: 'chromium', platform: 'webgpu', subset: 'kernels'}));
for (const browser of ['chromium', 'firefox']) await test(`scenarios in ${browser}`, () => scenarios(browser));
for (const browser of ['chromium', 'firefox']) await test(`pictures in ${browser}`, () => pictures(browser));
await conformance?.close();
for (const browser of ['chromium', 'firefox'])
  await test(`image-classification in ${browser}`, () => classified(browser));
await test('text2text-generation in chromium', () => rewritten('chromium'));
await test('models in chromium, wasm with threads', () => models({browser: 'chromium', platform: 'cpu'}));
await test('models in chromium, wasm with one thread', () =>
  models({browser: 'chromium', platform: 'cpu', isolated: false}));
await test('models in chromium, webgpu', () => models({browser: 'chromium', platform: 'webgpu'}));
await test('models in firefox, wasm with threads', () => models({browser: 'firefox', platform: 'cpu'}));
await test('models in firefox, webgpu', () => models({browser: 'firefox', platform: 'webgpu'}));
await test('models in chromium-webnn, webnn', () => models({browser: 'chromium-webnn', platform: 'webnn'}));

const scratch = await mkdtemp(join(tmpdir(), 'writer-'));
const gateway = await startGateway(
  join(bin, 'ipfs-accelerate'),
  {
    ...Object.fromEntries(
      ['numbers-bert', 'numbers-bert-classifier', 'numbers-gpt2', 'numbers-t5', 'digits-vit'].map((name) => [
        name,
        join(zoo, name),
      ]),
    ),
    'numbers-gpt2-long': writeLongWriter(join(scratch, 'model'), 10_000),
  },
  dist,
);
await rm(scratch, {recursive: true});
for (const browser of ['chromium', 'firefox']) {
  await test(`cache and gateway in ${browser}`, () => cacheAndGateway(browser, gateway));
}
for (const browser of ['chromium', 'firefox', 'chromium-webnn']) {
  await test(`errors in ${browser}`, () => errors(browser, gateway));
}
await test('demo page in chromium, phone, cpu', () =>
  demo({browser: 'chromium', width: 390, device: 'cpu', model: 'numbers-bert'}, gateway));
await test('demo page in firefox, desktop, classifier', () =>
  demo({browser: 'firefox', width: 1280, device: 'cpu', model: 'numbers-bert-classifier'}, gateway));
await test('demo page in chromium-webnn, webnn', () =>
  demo({browser: 'chromium-webnn', width: 1280, device: 'webnn', model: 'numbers-bert'}, gateway));
for (const [browser, device] of [
  ['chromium', 'cpu'],
  ['chromium', 'webgpu'],
  ['firefox', 'cpu'],
]) {
  await test(`demo page with a picture in ${browser}, ${device}`, () => demoPicture({browser, device}, gateway));
  await test(`a text in ${browser}, ${device}`, () => writing({browser, device, model: 'numbers-gpt2'}, gateway));
  await test(`a text that is stopped in ${browser}, ${device}`, () => stopping({browser, device}, gateway));
}
for (const device of ['cpu', 'webgpu'])
  await test(`a text from another in chromium, ${device}`, () =>
    writing({browser: 'chromium', device, model: 'numbers-t5'}, gateway));
await gateway.close();

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
