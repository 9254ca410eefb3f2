// The engine end to end in Node: shipped models and damaged copies of them, on the CPU.
import {spawnSync} from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join, relative} from 'node:path';
import {Worker} from 'node:worker_threads';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import type {Config} from './config';
import type {CallOptions} from './border';
import {Engine, type Answers, type Content, type EngineRequest, type ModelName} from './engine';
import type {ProgressEvent} from './progress';
import {modelRequest} from './runtime';
import {codeOf, programFolder} from './testBorder';

const root = join(import.meta.dirname, '../../..');
const zoo = join(root, 'zoo');
const bert = join(zoo, 'numbers-bert');
const engine = new Engine({folder: programFolder('single'), threads: 1});
const scratch = mkdtempSync(join(tmpdir(), 'models-'));
afterAll(() => rmSync(scratch, {recursive: true, force: true}));

function request(name: ModelName, config: Config = {}): EngineRequest {
  return modelRequest(name, {platform: 'cpu', threads: 1, cache: 'memory', ...config});
}
const run = (asked: EngineRequest, texts: string[], options: CallOptions = {}, on = engine): Promise<Answers['run']> =>
  on.call('run', {...asked, inputs: texts}, options);

interface Golden {
  inputs: string[];
  ids: number[][];
}
/** A recorded f32 tensor of a safetensors file. */
function recorded(file: string, name: string): {shape: number[]; values: Float32Array} {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    {shape: number[]; data_offsets: [number, number]}
  >;
  const {
    shape,
    data_offsets: [begin, end],
  } = header[name]!;
  return {shape, values: new Float32Array(new Uint8Array(bytes.subarray(8 + length + begin, 8 + length + end)).buffer)};
}

describe('a shipped model', () => {
  const golden = JSON.parse(readFileSync(join(bert, 'golden.json'), 'utf8')) as Golden;

  test('gives the recorded embeddings, alone and in a batch', async () => {
    const expected = recorded(join(bert, 'golden.safetensors'), 'embedding');
    const hidden = expected.shape[1]!;
    const config = {task: 'feature-extraction', normalize: true};
    const result = await run(request(bert, config), [...golden.inputs]);
    const worst = (rows: unknown[], from: number) =>
      Math.max(
        ...rows.flatMap((row, i) =>
          (row as number[]).map((value, j) => Math.abs(value - expected.values[(from + i) * hidden + j]!)),
        ),
      );
    expect(worst(result.output, 0)).toBeLessThan(1e-4);
    for (const [i, text] of golden.inputs.entries())
      expect(worst((await run(request(bert, config), [text])).output, i)).toBeLessThan(1e-4);
  });

  test('gives the same for tensors by name', async () => {
    const row = (ints: number[]) => ({shape: [1, 3], ints});
    const ids = {ids: [2, 5, 3], type_ids: [0, 0, 0], attention_mask: [1, 1, 1]};
    const {type_ids: types, attention_mask: mask} = ids;
    const tensors = {
      input_ids: row(ids.ids),
      position_ids: row([0, 1, 2]),
      token_type_ids: row(types),
      attention_mask: row(mask),
    };
    const outputs = async (given: object) =>
      (await engine.call('evaluate', {...request(bert), ...given, inputs: []})).outputs;
    expect(await outputs({tensors})).toEqual(await outputs({encodings: [ids]}));
  });

  test('says of what kind its answers are', async () => {
    expect((await run(request(bert), ['42'])).answer_kind).toBe('embedding');
    const classifier = request(join(zoo, 'numbers-bert-classifier'));
    expect((await run(classifier, ['42'])).answer_kind).toBe('labels');
    expect((await engine.call('load', classifier)).answer_kind).toBe('labels');
  });

  test('takes pictures as pixels; files need a decoder, which Node has not', async () => {
    const vit = request(join(zoo, 'digits-vit'), {top_k: 10});
    expect((await engine.call('load', vit)).takes).toEqual(['image', 'pixels']);
    const ask = (inputs: object[], blobs: Uint8Array[]) =>
      engine.call(
        'pipeline',
        {...vit, config: {...vit.config, task: 'image-classification'}, inputs: inputs as Content},
        {blobs},
      );
    const {result, answer} = await ask([{image: {width: 8, height: 8, pixels: 0}}], [new Uint8Array(192).fill(200)]);
    expect(result.platform).toBe('cpu');
    const [labels] = answer as {label: string; score: number}[][];
    expect(labels!.map(({label}) => label).sort()).toEqual(
      ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'].sort(),
    );
    expect(labels!.reduce((sum, {score}) => sum + score, 0)).toBeCloseTo(1, 5);
    const png = readFileSync(join(zoo, 'digits-vit/eval/000.png'));
    await expect(ask([{image: 0}], [png])).rejects.toThrow('pass pixels instead of a file');
    await expect(run(vit, ['seven'])).rejects.toThrow('image-classification takes image, pixels; input 0 is a text');
  });

  test('refuses content that it does not take, and files and blobs that are not there', async () => {
    const ask = (inputs: object[], blobs: Uint8Array[] = []) =>
      engine.call('run', {...request(bert), inputs: inputs as Content}, {blobs});
    const three = {image: {width: 1, height: 1, pixels: 1}};
    await expect(ask([three], [new Uint8Array(9), new Uint8Array(3)])).rejects.toThrow('input 0 is an image');
    await expect(ask([three], [new Uint8Array(3), new Uint8Array(9)])).rejects.toThrow("'pixels' has 9 bytes");
    await expect(ask([{audio: 1}], [new Uint8Array(0)])).rejects.toThrow('there is no blob 1; 1 came with the call');
    await expect(ask([{image: 'cat.png'}])).rejects.toThrow('no file is read by its path here');
    await expect(ask([three])).rejects.toThrow('there is no blob 1; 0 came'); // those of an earlier call are gone
  });

  test('gives the same without relaxed SIMD', async () => {
    const plain = new Engine({...engine.options, relaxedSimd: false});
    const [expected, got] = [await run(request(bert), ['42']), await run(request(bert), ['42'], {}, plain)];
    expect((await plain.instance(request(bert).config).border).program.name).toBe('engine');
    (got.output[0] as number[]).forEach((value, i) =>
      expect(value).toBeCloseTo((expected.output[0] as number[])[i]!, 4),
    );
  });

  test('tokenizes as recorded', async () => {
    const {ids} = await engine.call('evaluate', {...request(bert), inputs: golden.inputs});
    const wanted = ids.map((row, i) => row.slice(0, golden.ids[i]!.length));
    expect(wanted).toEqual(golden.ids);
  });

  test('says where it came from, what computed it and how long it took', async () => {
    const result = await run(request(bert), ['forty two', '42', 'ninety']);
    expect(result).toMatchObject({
      platform: 'cpu',
      browser: 'node',
      is_real_hardware: true,
      precision: 32,
      ipfs_source: 'disk',
      fallback: null,
      task: 'feature-extraction',
      model_type: expect.stringMatching(/\w/),
      cid: expect.stringMatching(/^bafy/),
      adapter_info: expect.stringMatching(/\w/),
    });
    expect(result.processing_time).toBeGreaterThan(0);
    expect(result.total_time).toBeGreaterThanOrEqual(result.processing_time);
    expect(result.memory_usage_mb).toBeGreaterThan(1);
    expect(result.throughput_items_per_sec).toBeCloseTo(3 / result.processing_time, 3);
    expect(result.content.bytes_verified).toBeGreaterThan(1_700_000);
    expect(result.tokens).toBeGreaterThan(8);
  });

  test('more texts than a batch keep their order', async () => {
    const many = Array.from({length: 11}, (_, i) => (i % 3 === 0 ? `the number ${i}` : String(i)));
    const whole = await run(request(bert), [...many]);
    const pieces = await run(request(bert, {batch_size: 4}), [...many]);
    whole.output.forEach((row, i) =>
      (row as number[]).forEach((value, j) => expect((pieces.output[i] as number[])[j]).toBeCloseTo(value, 3)),
    );
  });

  test('classifies its recorded examples', async () => {
    const model = join(zoo, 'numbers-bert-classifier');
    const result = await run(request(model, {top_k: 1}), ['forty two', 'seventeen']);
    const labels = result.output.map((answer) => (answer as {label: string}[])[0]!.label);
    expect(labels).toEqual(['even', 'odd']);
  });

  test('answers a pipeline as transformers.js does', async () => {
    const model = join(zoo, 'numbers-bert-classifier');
    const classify = async (inputs: Content, config: Config = {}) =>
      (await engine.call('pipeline', {...request(model, {task: 'text-classification', ...config}), inputs})).answer;
    expect(await classify('forty two')).toEqual([{label: 'even', score: expect.any(Number)}]);
    expect(await classify(['forty two', '17'])).toMatchObject([{label: 'even'}, {label: 'odd'}]);
    expect(await classify('seventeen', {top_k: 2})).toMatchObject([{label: 'odd'}, {label: 'even'}]);
    const embedded = {...request(bert, {task: 'feature-extraction'}), inputs: ['forty two', '17']};
    const {dims, result} = await engine.call('pipeline', embedded);
    expect(dims).toEqual([2, (result.output[0] as number[]).length]);
  });

  test('is unloaded by any of its names', async () => {
    const own = new Engine(engine.options);
    const {cid} = await run(request(bert), ['7'], {}, own);
    const loads = async () => (await run(request(bert), ['7'], {}, own)).ipfs_load_time > 0;
    expect(await loads()).toBe(false);
    for (const name of [{cid}, `ipfs://${cid}`, bert, {folder: bert}] as ModelName[]) {
      await own.call('unload', request(name));
      expect(await loads(), JSON.stringify(name)).toBe(true);
    }
    own.close();
  });

  test('explains its plan before any weight is read', async () => {
    const plan = (await engine.call('explain', {...request(bert), inputs: [{text: 'forty two'}]})) as {
      segments: {platform: string}[];
      weight_bytes: number;
    };
    expect(plan.segments[0]!.platform).toBe('cpu');
    expect(plan.weight_bytes).toBeGreaterThan(1_600_000);
  });
});

describe('a folder behind a URL', () => {
  let url: string;
  const server = createServer((incoming, response) => {
    const path = join(bert, decodeURIComponent(incoming.url!.slice(1)));
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch {
      response.statusCode = 404;
      return response.end();
    }
    response.setHeader('Content-Length', bytes.length);
    return response.end(bytes);
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => server.close());

  test('is imported and named by its CID', async () => {
    const events: ProgressEvent[] = [];
    const wanted = request({url}, {cache: 'auto', cache_folder: join(scratch, 'cache')});
    const first = await run(wanted, ['7'], {progress: (event) => events.push(event)});
    expect(first).toMatchObject({ipfs_source: 'url', ipfs_cache_hit: false, cid: expect.stringMatching(/^bafy/)});
    expect([...new Set(events.map(({status}) => status))]).toEqual([
      'initiate',
      'download',
      'progress',
      'done',
      'ready',
    ]);
    expect(events.find(({file, status}) => file === 'model.safetensors' && status === 'done')!.loaded).toBeGreaterThan(
      1_600_000,
    );
    await engine.call('unload', wanted);
    const second = await run(wanted, ['7']);
    expect(second).toMatchObject({cid: first.cid, output: first.output});
    await engine.call('unload', wanted);
  });

  test('can be stopped while loading', async () => {
    const controller = new AbortController();
    const stopping = run(request({url}, {cache: 'memory', top_k: 3}), ['7'], {
      progress: () => controller.abort(),
      signal: controller.signal,
    });
    expect(await codeOf(stopping)).toBe('cancelled');
  });

  test('without a model: not_found', async () => {
    expect(await codeOf(run(request({url: `${url}nothing/here/`}), ['7']))).toBe('not_found');
  });
});

describe('what cannot be run gets a coded error', () => {
  const copy = (name: string, change: (folder: string) => void): string => {
    const folder = join(scratch, name);
    cpSync(bert, folder, {recursive: true});
    change(folder);
    return folder;
  };
  const weights = (folder: string) => join(folder, 'model.safetensors');
  const config = (folder: string, change: object) => {
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify({...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change}));
  };
  const patchHeader = (folder: string, from: string, to: string) => {
    const bytes = readFileSync(weights(folder));
    const length = Number(bytes.readBigUInt64LE(0));
    const header = Buffer.from(
      bytes
        .subarray(8, 8 + length)
        .toString()
        .replace(from, to),
    );
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(weights(folder), Buffer.concat([size, header, bytes.subarray(8 + length)]));
  };

  test.each<[string, string, (folder: string) => void]>([
    ['missing weights', 'not_found', (folder) => rmSync(weights(folder))],
    [
      'truncated weights',
      'malformed_weights',
      (folder) => writeFileSync(weights(folder), readFileSync(weights(folder)).subarray(0, 1000)),
    ],
    ['empty weights', 'malformed_weights', (folder) => writeFileSync(weights(folder), '')],
    [
      'NaN weights',
      'not_finite',
      (folder) => {
        const bytes = readFileSync(weights(folder));
        bytes.writeUInt32LE(0x7fc00000, 8 + Number(bytes.readBigUInt64LE(0)));
        writeFileSync(weights(folder), bytes);
      },
    ],
    ['a wrong dtype', 'unsupported_dtype', (folder) => patchHeader(folder, '"dtype":"F32"', '"dtype":"I32"')],
    ['a wrong shape', 'wrong_shape', (folder) => config(folder, {hidden_size: 64, num_attention_heads: 4})],
    [
      'an unknown architecture',
      'unknown_architecture',
      (folder) => config(folder, {model_type: 'perceiver', architectures: ['PerceiverModel']}),
    ],
    [
      'a config that is no JSON',
      'malformed_config',
      (folder) => writeFileSync(join(folder, 'config.json'), '{"model_type":'),
    ],
    ['no tokenizer', 'missing_tokenizer', (folder) => rmSync(join(folder, 'tokenizer.json'))],
    [
      'a tokenizer without a vocabulary',
      'missing_tokenizer',
      (folder) => {
        const path = join(folder, 'tokenizer.json');
        const json = JSON.parse(readFileSync(path, 'utf8')) as {model: {vocab: object}};
        json.model.vocab = {};
        writeFileSync(path, JSON.stringify(json));
      },
    ],
  ])('%s: %s', async (name, code, change) => {
    const folder = copy(name.replaceAll(' ', '-'), change);
    expect(await codeOf(run(request(folder, {task: 'feature-extraction'}), ['forty two']))).toBe(code);
  });

  test('a text too long, with truncation off: input_too_long', async () => {
    expect(await codeOf(run(request(bert, {truncation: false}), ['seven '.repeat(2000)]))).toBe('input_too_long');
    expect((await run(request(bert), ['seven '.repeat(2000)])).output).toHaveLength(1);
  });

  test('an unknown task: unknown_task', async () => {
    expect(await codeOf(run(request(bert, {task: 'juggling'}), ['7']))).toBe('unknown_task');
  });

  test('no WebNN here: no_adapter, or the CPU and why', async () => {
    expect(await codeOf(run(request(bert, {platform: 'webnn', allow_fallback: false}), ['7']))).toBe('no_adapter');
    const result = await run(request(bert, {platform: 'webnn'}), ['7']);
    expect(result).toMatchObject({platform: 'cpu', fallback: expect.stringMatching(/WebNN/)});
  });

  test('a folder that is none: not_found', async () => {
    expect(await codeOf(run(request(join(scratch, 'nowhere')), ['7']))).toBe('not_found');
  });
});

describe('a folder on disk has the CID that the command-line tool runs it with', () => {
  const command = join(process.env.IA_BIN || join(root, 'build/release/bin'), 'ipfs-accelerate');
  const env = {...process.env, IPFS_ACCELERATE_HOME: join(scratch, 'home')};
  function runNatively(folder: string): {cid?: string; error?: {code: string}} {
    const args = ['run', folder, '7', '--platform', 'cpu', '--json'];
    const {stdout, stderr} = spawnSync(command, args, {encoding: 'utf8', env});
    return JSON.parse(stdout || stderr.trim().split('\n').pop()!) as {cid?: string; error?: {code: string}};
  }
  const plain = run(request(bert), ['7']).then(({cid}) => cid);
  /** A folder of the Hugging Face cache: links to blobs beside it. */
  function hub(name: string): string {
    const snapshot = join(scratch, name, 'snapshots/abc');
    mkdirSync(join(scratch, name, 'blobs'), {recursive: true});
    for (const [i, file] of (readdirSync(bert, {recursive: true}) as string[]).entries()) {
      if (!statSync(join(bert, file)).isFile()) continue;
      cpSync(join(bert, file), join(scratch, name, 'blobs', String(i)));
      mkdirSync(join(snapshot, dirname(file)), {recursive: true});
      symlinkSync(
        relative(join(snapshot, dirname(file)), join(scratch, name, 'blobs', String(i))),
        join(snapshot, file),
      );
    }
    return snapshot;
  }

  test('without hidden files', async () => {
    const folder = join(scratch, 'hidden');
    cpSync(bert, folder, {recursive: true});
    writeFileSync(join(folder, '.hidden'), 'not wanted');
    mkdirSync(join(folder, '.git/objects'), {recursive: true});
    writeFileSync(join(folder, '.git/objects/x'), 'not wanted either');
    symlinkSync('../nowhere', join(folder, '.broken'));
    expect((await run(request(folder), ['7'])).cid).toBe(await plain);
    expect(runNatively(folder).cid).toBe(await plain);
  });

  test('with what links lead to in their place, and empty folders', async () => {
    const folder = join(scratch, 'linked');
    cpSync(bert, folder, {recursive: true});
    mkdirSync(join(folder, 'empty'));
    symlinkSync('config.json', join(folder, 'link.json'));
    symlinkSync('empty', join(folder, 'folder-link'));
    const {cid} = await run(request(folder), ['7']);
    expect(cid).not.toBe(await plain);
    expect(cid).toBe(runNatively(folder).cid);
  });

  test("a folder of a hub's cache, where all is links, also by a link to it", async () => {
    const folder = hub('hub');
    symlinkSync(folder, join(scratch, 'given'));
    for (const name of [folder, join(scratch, 'given')]) {
      expect((await run(request(name), ['7'])).cid).toBe(await plain);
      expect(runNatively(name).cid).toBe(await plain);
    }
  });

  test.each([
    ['nowhere', '../gone', 'not_found'],
    ['circle', 'link', 'invalid_argument'],
    ['back', '.', 'invalid_argument'],
    ['device', '/dev/null', 'invalid_argument'],
  ])('a link that leads %s is refused as there', async (name, target, code) => {
    const folder = hub(name);
    symlinkSync(target, join(folder, 'link'));
    expect(await codeOf(run(request(folder), ['7']))).toBe(code);
    expect(runNatively(folder).error?.code).toBe(code);
  });
});

test('another number of threads ends the threads there were, once nobody computes on them', async () => {
  const ended = vi.spyOn(Worker.prototype, 'terminate');
  const threaded = new Engine({folder: programFolder('threads')});
  const runOn = (threads: number) => run(request(bert, {threads}), ['42'], {}, threaded);
  const expected = await runOn(3);
  const first = await threaded.instance(request(bert, {threads: 3}).config).border;
  expect(first.threads).toBe(3);
  const [running, next] = await Promise.all([runOn(3), runOn(2)]);
  expect(running.output).toEqual(expected.output);
  expect(next.output).toHaveLength(1);
  await vi.waitFor(() => expect(first.broken?.message).toMatch(/closed/));
  expect(ended).toHaveBeenCalledTimes(2);
  threaded.close();
  await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(3));
});

describe('options', () => {
  test.each([
    [{presicion: 16}, 'unknown_option'],
    [{platform: 'tpu'}, 'unknown_platform'],
    [{precision: 4}, 'unsupported_precision'],
    [{mixed_precision: true}, 'unsupported_precision'],
    [{top_k: 0}, 'invalid_argument'],
    [{batch_size: 1.5}, 'invalid_argument'],
    [{precision: '16'}, 'invalid_argument'],
    [{normalize: 'yes'}, 'invalid_argument'],
    [{cache: 'attic'}, 'invalid_argument'],
    [{cache: 'opfs'}, 'invalid_argument'],
  ])('%j is refused as %s', async (config, code) => {
    expect(await codeOf(run(request(bert, config as Config), ['7']))).toBe(code);
  });

  test.each([-1, 1.5, '2'])('%j threads are refused, by a program with threads', async (threads) => {
    const threaded = new Engine({folder: programFolder('threads')});
    const config = {threads} as unknown as Config;
    expect(await codeOf(run(request(bert, config), ['7'], {}, threaded))).toBe('invalid_argument');
    threaded.close();
  });

  test('undefined counts as absent, wasm is the cpu', async () => {
    const config = {top_k: undefined, platform: 'wasm'} as unknown as Config;
    expect((await run(request(bert, config), ['7'])).platform).toBe('cpu');
  });
});

test('the devices of this process', async () => {
  const report = await engine.call('devices', {config: {cache: 'memory', threads: 1}});
  expect(report).toMatchObject({
    browser: 'node',
    cpu: {threads: 1, program: 'engine-relaxed'},
    webnn: {problem: expect.stringMatching(/WebNN/)},
  });
  expect(report.auto.reason).toMatch(/\w/);
}, 250_000);
