// Texts that are generated: while they come, and when they are there.
import type {ProgressEvent, TextAnswer} from 'ipfs_accelerate_js';
import {byId, element} from './elements';
import {count} from './format';

const block = (prompt: string, text: Node, note: string): HTMLElement =>
  element(
    'div',
    {class: 'classes'},
    element('p', {}, prompt),
    element('div', {class: 'written'}, text),
    element('div', {class: 'hint'}, note),
  );

/** What came, and how it ended. */
export function writtenView(prompts: string[], output: TextAnswer[]): HTMLElement {
  const why = {length: 'the limit was reached', stop: 'the model ended it'};
  const one = ({text, tokens, finish_reason: reason}: TextAnswer, i: number) =>
    block(prompts[i]!, new Text(text), `${count(tokens.length, 'token')}; ${why[reason]}`);
  return element('div', {}, ...output.map(one));
}

/** Shows the texts of a run as they come; nothing, until some come. */
export class Writing {
  readonly #texts = new Map<number, {text: Text; note: HTMLElement; pieces: number; begin: number}>();
  constructor(readonly prompts: string[]) {}

  readonly update = ({status, item = 0, text = ''}: ProgressEvent): void => {
    if (status === 'ready') this.#texts.clear(); // another device begins anew
    if (status !== 'text') return;
    const shown = this.#texts.get(item) ?? this.#begin(item);
    shown.text.data += text;
    shown.pieces += 1;
    const seconds = (performance.now() - shown.begin) / 1000;
    const speed = shown.pieces > 1 ? `, ${((shown.pieces - 1) / seconds).toFixed(1)} per second` : '';
    shown.note.textContent = `${count(shown.pieces, 'piece')} so far${speed}`;
  };

  #begin(item: number) {
    const answer = byId('answer');
    if (this.#texts.size === 0) answer.replaceChildren(element('h2', {}, 'What the model writes'));
    const made = block(this.prompts[item] ?? '', new Text(), '');
    answer.append(made);
    const [text, note] = [made.querySelector('.written')!.firstChild as Text, made.lastElementChild as HTMLElement];
    const shown = {text, note, pieces: 0, begin: performance.now()};
    this.#texts.set(item, shown);
    return shown;
  }
}
