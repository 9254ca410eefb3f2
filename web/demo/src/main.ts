// The demo page: choose a model and a device, type sentences or choose pictures, see what the model makes of them and what it took.
import {accelerate, cache, detect, IpfsAccelerateError, type ModelName} from 'ipfs_accelerate_js';
import {answerView, useOf, type Item} from './answers';
import {chosenDevice, describeDevices, offerDevices} from './deviceChoice';
import {byId, element} from './elements';
import {byteCount, count} from './format';
import {factsView, timesView} from './measured';
import {examples, listModels, type Listed} from './models';
import {Pictures} from './pictures';
import {ProgressBar} from './progressBar';
import {Writing} from './writing';

const query = new URL(location.href).searchParams;
const select = byId<HTMLSelectElement>('model');
const address = byId<HTMLInputElement>('address');
const text = byId<HTMLTextAreaElement>('text');
const progress = new ProgressBar();
const pictures = new Pictures(showError);
let models: Listed[] = [];
let running: AbortController | undefined;
/** Examples are replaced with the model; what a person typed stays. */
let shownExamples = '';

function chosenModel(): Listed | undefined {
  return models[select.selectedIndex];
}

function modelName(): ModelName {
  const listed = chosenModel();
  if (!listed) return address.value.trim();
  return listed.url ? {url: new URL(listed.url, document.baseURI).href} : listed.cid;
}

/** Whether the model writes texts; of one that is not listed it is not known. */
function writes(): boolean {
  return chosenModel()?.answer_kind === 'generated_text';
}

/** One for each line; what a model is to go on from is one text. */
function sentences(): string[] {
  if (writes()) return [text.value.trimEnd()];
  return text.value
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

const labels: Partial<Record<string, string>> = {
  mask_fills: 'Sentences with a mask token, one per line',
  generated_text: 'Prompt',
};

function showModel(): void {
  const listed = chosenModel();
  address.hidden = Boolean(listed);
  byId('cid').replaceChildren(
    ...(listed?.cid
      ? ['CID ', element('code', {}, listed.cid)]
      : [
          listed
            ? 'Shipped beside this page; its CID is computed when it is loaded.'
            : 'Fetched from this server’s gateway, or from the address.',
        ]),
  );
  showInputs(listed);
  byId('text-label').textContent = labels[listed?.answer_kind ?? ''] ?? 'Sentences, one per line';
  byId('length').hidden = !writes();
  if (text.value.trim() !== shownExamples.trim()) return;
  shownExamples = examples(listed).join('\n');
  text.value = shownExamples;
}

/** Fields for what the model takes; for one that is not known yet, all. */
function showInputs(listed: Listed | undefined): void {
  const takes = (kind: string) => !listed || listed.takes.includes(kind);
  byId('text-field').hidden = !takes('text');
  pictures.show(takes('image'), takes('image') ? (listed?.pictures ?? []) : []);
}

async function showModels(): Promise<void> {
  models = await listModels();
  select.replaceChildren(
    ...models.map(({name, answer_kind: kind}) => element('option', {}, `${name} (${useOf(kind)})`)),
    element('option', {}, 'Another model, by CID or address'),
  );
  const wanted = models.findIndex(({name, cid}) => [name, cid].includes(query.get('model') ?? ''));
  select.selectedIndex = wanted >= 0 ? wanted : 0;
  select.disabled = false;
  showModel();
}

async function showCache(): Promise<void> {
  const {kind, blocks, bytes} = await cache.stat();
  byId('cache').textContent =
    blocks > 0 ? `${byteCount(bytes)} in ${count(blocks, 'block')} kept (${kind})` : `Nothing kept yet (${kind})`;
}

function showError(error: unknown): void {
  const {code, message} =
    error instanceof IpfsAccelerateError ? error : new IpfsAccelerateError('internal', String(error));
  const box = byId('error');
  box.dataset.code = code;
  box.replaceChildren(element('strong', {}, code === 'cancelled' ? 'Stopped' : `Error: ${code}`), message);
  box.hidden = false;
}

function showRunning(on: boolean): void {
  byId<HTMLButtonElement>('run').disabled = on;
  byId('stop').hidden = !on;
  byId('result').setAttribute('aria-busy', String(on));
  if (on) progress.start();
  else progress.end();
}

/** Pictures where some are chosen and may be; else sentences. */
function chosenItems(): Item[] {
  if (!byId('picture-field').hidden && pictures.chosen.length > 0) return [...pictures.chosen];
  if (byId('text-field').hidden) throw new IpfsAccelerateError('invalid_argument', 'Choose a picture first.');
  return sentences();
}

async function run(): Promise<void> {
  const writing = new Writing(sentences());
  running = new AbortController();
  byId('error').hidden = true;
  showRunning(true);
  try {
    const items = chosenItems();
    const inputs = items.map((item) => (typeof item === 'string' ? item : {image: item}));
    const result = await accelerate(modelName(), inputs, {
      platform: chosenDevice(),
      ...(writes() ? {max_new_tokens: byId<HTMLInputElement>('tokens').valueAsNumber || 0} : {}),
      progress_callback: (event) => {
        progress.update(event);
        writing.update(event);
      },
      signal: running.signal,
      gateways: [location.origin],
    });
    byId('answer').replaceChildren(answerView(result, items), timesView(result), factsView(result));
    byId('answer').dataset.platform = result.platform;
  } catch (error) {
    showError(error);
  } finally {
    running = undefined;
    showRunning(false);
    if (matchMedia('(max-width: 60rem)').matches) byId('result').scrollIntoView({block: 'start'});
    await showCache().catch(showError);
  }
}

function showIntroduction(): void {
  byId('answer').replaceChildren(
    element(
      'div',
      {class: 'empty'},
      element('h2', {}, 'What happens when you press Run'),
      element(
        'ol',
        {},
        element('li', {}, 'The model’s blocks are fetched by their hashes, and each is verified before it is used.'),
        element('li', {}, 'Its configuration becomes a graph, and a plan says which device computes which part.'),
        element('li', {}, 'Your sentences become tokens, the tokens numbers, and the numbers the picture shown here.'),
      ),
      element('p', {}, 'Everything on the result is measured. The second run comes from the cache.'),
    ),
  );
}

byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!running) void run();
});
byId('stop').addEventListener('click', () => running?.abort());
byId('forget').addEventListener('click', () => void cache.clear().then(showCache).catch(showError));
select.addEventListener('change', showModel);
text.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId<HTMLFormElement>('form').requestSubmit();
});

function failed(error: unknown): void {
  showError(error);
  byId('answer').replaceChildren();
  byId('device-note').textContent = '';
  document.body.dataset.ready = 'failed';
}

showIntroduction();
offerDevices(query.get('device'));
try {
  await Promise.all([showModels(), showCache()]);
  byId<HTMLButtonElement>('run').disabled = false;
  document.body.dataset.ready = 'true';
  // A run may start before this ends: checking a software adapter takes seconds.
  detect().then(describeDevices).catch(failed);
  if (query.has('run')) await run();
} catch (error) {
  failed(error);
}
