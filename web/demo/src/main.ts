// The demo page: choose a model and a device, type sentences or choose pictures, see what the model makes of them and what it took.
import {accelerate, cache, detect, IpfsAccelerateError} from 'ipfs_accelerate_js';
import {answerView, nameOf, type Facts, type Item} from './answers';
import {chosenDevice, describeDevices, offerDevices} from './deviceChoice';
import {byId} from './elements';
import {byteCount, count} from './format';
import {showIntroduction} from './introduction';
import {factsView, timesView} from './measured';
import {ModelChoice} from './modelChoice';
import {clearError, clearNotices, showError, showStopped} from './notices';
import {Pictures} from './pictures';
import {ProgressBar} from './progressBar';
import {tokensAtMost, Writing} from './writing';

const query = new URL(location.href).searchParams;
const runButton = byId<HTMLButtonElement>('run');
const stopButton = byId<HTMLButtonElement>('stop');
const text = byId<HTMLTextAreaElement>('text');
const answer = byId('answer');
const progress = new ProgressBar();
const pictures = new Pictures(clearError, showError);
const model = new ModelChoice(pictures, modelChanged, learned, showError);
let running: AbortController | undefined;
let known: Facts | undefined;

/** A run of the model before is given up; nothing of it is shown. */
function modelChanged(): void {
  running?.abort();
  if (running) showRunning(undefined);
  clearNotices();
}

function learned(facts: Facts | undefined): void {
  known = facts;
  showIntroduction(facts);
}

/** A reload, or a link to this page, chooses the same again. */
function remember(): void {
  const address = new URL(location.href);
  address.searchParams.delete('run');
  address.searchParams.set('model', model.key);
  address.searchParams.set('device', chosenDevice());
  history.replaceState(null, '', address);
}

async function showCache(): Promise<void> {
  const {kind, blocks, bytes} = await cache.stat();
  byId('cache').textContent =
    blocks > 0 ? `${byteCount(bytes)} in ${count(blocks, 'block')} kept (${kind})` : `Nothing kept yet (${kind})`;
}

/** Run is not disabled meanwhile: that would take the focus from it. */
function showRunning(run: AbortController | undefined): void {
  running = run;
  runButton.setAttribute('aria-disabled', String(Boolean(run)));
  if (!run && document.activeElement === stopButton) runButton.focus({preventScroll: true});
  stopButton.hidden = !run;
  showStale(Boolean(run));
  if (run) progress.start();
  else progress.end();
}

/** The answer of the last run is dimmed until something of this one is there. */
function showStale(on: boolean): void {
  answer.setAttribute('aria-busy', String(on));
}

/** On narrow screens the answer is below the form. */
function scrollToResult(): void {
  if (matchMedia('(max-width: 60rem)').matches) byId('result').scrollIntoView({block: 'start'});
}

/** Pictures where the model takes them and some are chosen; else one sentence a line, or what is to be gone on from. */
function chosenItems({takes, answer_kind: kind}: Facts): Item[] {
  if (takes.includes('image') && pictures.chosen.length > 0) return [...pictures.chosen];
  if (!takes.includes('text')) throw new IpfsAccelerateError('invalid_argument', 'Choose a picture first.');
  const given = text.value.trimEnd();
  const lines = given.split('\n').map((line) => line.trim());
  const texts = kind === 'generated_text' ? [given] : lines;
  if (!given) throw new IpfsAccelerateError('invalid_argument', 'Write something first.');
  return texts.filter(Boolean);
}

async function run(): Promise<void> {
  const own = new AbortController();
  const isCurrent = () => running === own;
  let writing: Writing | undefined;
  clearNotices();
  delete answer.dataset.platform;
  showRunning(own);
  try {
    const facts = await model.facts();
    if (!isCurrent()) return;
    const items = chosenItems(facts);
    const limit = facts.answer_kind === 'generated_text' ? {max_new_tokens: tokensAtMost()} : {};
    const shown = new Writing(items.map(nameOf), () => {
      showStale(false);
      scrollToResult();
    });
    writing = shown;
    const inputs = items.map((item) => (typeof item === 'string' ? item : {image: item}));
    const result = await accelerate(model.name, inputs, {
      platform: chosenDevice(),
      ...limit,
      progress_callback: (event) => {
        if (!isCurrent()) return;
        progress.update(event);
        shown.update(event);
      },
      signal: own.signal,
      gateways: [location.origin],
    });
    if (!isCurrent()) return;
    answer.replaceChildren(answerView(result, items), timesView(result), factsView(result));
    answer.dataset.platform = result.platform;
  } catch (error) {
    if (isCurrent()) ended(error, writing);
  } finally {
    if (isCurrent()) {
      showRunning(undefined);
      if (!writing?.pieces) scrollToResult();
    }
    await showCache().catch(showError);
  }
}

/** Without an answer: nothing of the last run stays, and of this one what was written. */
function ended(error: unknown, writing: Writing | undefined): void {
  const pieces = writing?.pieces ?? 0;
  if (pieces > 0) writing!.stop();
  else showIntroduction(known);
  const isStopped = error instanceof IpfsAccelerateError && error.code === 'cancelled';
  if (!isStopped) showError(error);
  else
    showStopped(
      pieces > 0 ? `Stopped after ${count(pieces, 'piece')} of text.` : 'Stopped before there was an answer.',
    );
}

byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!running) void run();
});
byId('form').addEventListener('input', clearError);
byId('form').addEventListener('change', remember);
stopButton.addEventListener('click', () => running?.abort());
byId('forget').addEventListener('click', () => void cache.clear().then(showCache).catch(showError));
text.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId<HTMLFormElement>('form').requestSubmit();
});

function failed(error: unknown): void {
  showError(error);
  answer.replaceChildren();
  byId('device-note').textContent = '';
  document.body.dataset.ready = 'failed';
}

showIntroduction();
offerDevices(query.get('device'));
try {
  await Promise.all([model.open(query.get('model')), showCache()]);
  runButton.disabled = false;
  document.body.dataset.ready = 'true';
  // A run may start before this ends: checking a software adapter takes seconds.
  detect().then(describeDevices).catch(failed);
  if (query.has('run')) await run();
} catch (error) {
  failed(error);
}
