// What the run measured: where the time went, what computed, and where the bytes came from.
import type {Result} from 'ipfs_accelerate_js';
import {names} from './deviceChoice';
import {element} from './elements';
import {byteCount, count, duration} from './format';

const sources: Record<string, string> = {
  cache: 'this browser’s cache',
  ipfs: 'a trustless gateway',
  url: 'a folder on a web server',
  p2p: 'a peer',
};

/** Texts are counted in the tokens that were generated. */
function speed(result: Result): (Node | string)[] {
  if (result.answer_kind !== 'generated_text')
    return [element('b', {}, result.throughput_items_per_sec.toFixed(0)), ' items per second'];
  const tokens = result.output.reduce((sum, text) => sum + text.tokens.length, 0);
  return [
    element('b', {}, String(tokens)),
    ' tokens, ',
    element('b', {}, (tokens / result.processing_time).toFixed(1)),
    ' tokens per second',
  ];
}

/** A bar of the parts of the total time, and its key. */
export function timesView(result: Result): HTMLElement {
  const total = 1000 * result.total_time,
    work = 1000 * result.processing_time;
  const load = Math.min(result.ipfs_load_time, Math.max(0, total - work));
  const parts = [
    {name: 'Fetch and verify', kind: 'load', time: load},
    {name: 'Prepare the device', kind: 'prepare', time: Math.max(0, total - work - load)},
    {name: 'Read the input and run', kind: 'work', time: work},
  ].filter(({time}) => time >= 0.5 || time > total / 20);
  return element(
    'div',
    {},
    element('h3', {}, 'Time'),
    element(
      'div',
      {class: 'times', 'aria-hidden': true},
      ...parts.map(({kind, time}) => element('i', {class: kind, '--v': time.toFixed(3)})),
    ),
    element(
      'ul',
      {class: 'keys'},
      ...parts.map(({name, kind, time}) =>
        element('li', {}, element('i', {class: kind}), `${name} `, element('b', {}, duration(time))),
      ),
      element('li', {}, 'Total ', element('b', {}, duration(total))),
      element('li', {}, ...speed(result)),
    ),
  );
}

function row(name: string, ...content: (Node | string)[]): Node[] {
  return [element('dt', {}, name), element('dd', {}, ...content)];
}

/** "cpu: 20 steps", and for what went elsewhere the reason. */
function planText(result: Result): string {
  return result.segments
    .map(({platform, nodes, reason}) => `${count(nodes, 'step')} on ${names[platform]}${reason ? ` (${reason})` : ''}`)
    .join(', ');
}

function bytesText({content}: Result): string {
  const {blocks_from_cache: cached, blocks_fetched: fetched} = content;
  const origins = [
    ...(fetched > 0 ? [`${count(fetched, 'block')} fetched (${byteCount(content.bytes_fetched)})`] : []),
    ...(cached > 0
      ? [`${count(cached, 'block')} from the cache (${byteCount(content.bytes_from_cache)}, ${content.cache})`]
      : []),
  ];
  return `${byteCount(content.bytes_verified)} over all reads: ${origins.join(', ')}`;
}

/** Facts of the device and the bytes. */
export function factsView(result: Result): HTMLElement {
  const real = result.is_real_hardware
    ? element('span', {class: 'chip good'}, 'real hardware')
    : element('span', {class: 'chip warn'}, 'software adapter');
  return element(
    'div',
    {},
    element('h3', {}, 'Measured'),
    element(
      'dl',
      {class: 'details'},
      ...row('Computed on', element('b', {}, names[result.platform]), real, element('br'), result.adapter_info),
      ...(result.fallback ? row('Instead of', result.fallback) : []),
      ...row('Plan', planText(result)),
      ...row(
        'Precision',
        `${result.precision} bit${result.optimizations.length > 0 ? `; ${result.optimizations.join(', ')}` : ''}`,
      ),
      ...row(
        'Bytes from',
        sources[result.ipfs_source] ?? result.ipfs_source,
        ...(result.ipfs_cache_hit ? [element('span', {class: 'chip good'}, 'cache hit')] : []),
      ),
      ...row('Verified', bytesText(result)),
      ...row('CID', element('code', {}, result.cid)),
      ...row('Memory', `${result.memory_usage_mb.toFixed(0)} MB`),
      ...(result.tokens > 0 ? row('Tokens', String(result.tokens)) : []),
    ),
  );
}
