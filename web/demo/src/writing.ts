// Texts that are generated: how long they may be, while they come, and when they are there.
import {IpfsAccelerateError, type ProgressEvent, type TextAnswer} from 'ipfs_accelerate_js';
import {byId, element} from './elements';
import {count} from './format';

const most = 1_000_000;

/** What the field says; 0 leaves it to the model. */
export function tokensAtMost(): number {
  const field = byId<HTMLInputElement>('tokens');
  if (field.value === '' && !field.validity.badInput) return 0;
  const wanted = field.valueAsNumber;
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= most) return wanted;
  field.focus();
  throw new IpfsAccelerateError(
    'invalid_argument',
    `“Tokens at most” is ${field.value || 'no number'}. Give a whole number from 1 to ${most}, or nothing: then the model decides.`,
  );
}

const block = (prompt: string, text: Text, note: string): HTMLElement =>
  element(
    'div',
    {class: 'classes'},
    element('p', {class: 'asked'}, prompt),
    element('div', {class: 'written', 'aria-live': 'polite'}, text),
    element('div', {class: 'hint'}, note),
  );

/** What came, and how it ended. */
export function writtenView(prompts: string[], output: TextAnswer[]): HTMLElement {
  const why = {length: 'the limit was reached', stop: 'the model ended it'};
  const one = ({text, tokens, finish_reason: reason}: TextAnswer, i: number) =>
    block(prompts[i]!, new Text(text.trimStart()), `${count(tokens.length, 'token')} written; ${why[reason]}`);
  return element('div', {}, ...output.map(one));
}

/** Shows the texts of a run as they come; nothing, until some come. */
export class Writing {
  readonly #texts = new Map<number, {text: Text; note: HTMLElement; pieces: number; begin: number}>();
  constructor(
    readonly prompts: string[],
    readonly begun: () => void,
  ) {}

  /** Pieces that have come; a token is one, or a part of one. */
  get pieces(): number {
    return [...this.#texts.values()].reduce((sum, {pieces}) => sum + pieces, 0);
  }

  readonly update = ({status, item = 0, text = ''}: ProgressEvent): void => {
    if (status === 'ready') this.#texts.clear(); // another device begins anew
    if (status !== 'text') return;
    const shown = this.#texts.get(item) ?? this.#begin(item);
    // A space that a text begins with goes on from the prompt; here it would look like an indent.
    shown.text.data += shown.text.data ? text : text.trimStart();
    shown.pieces += 1;
    const seconds = (performance.now() - shown.begin) / 1000;
    const speed = seconds > 0.25 ? `, ${((shown.pieces - 1) / seconds).toFixed(1)} per second` : '';
    shown.note.textContent = `${count(shown.pieces, 'piece')} so far${speed}`;
  };

  /** What there is stays, and no longer says that more comes. */
  stop(): void {
    for (const {note} of this.#texts.values()) note.textContent = '';
  }

  #begin(item: number) {
    const answer = byId('answer');
    const isFirst = this.#texts.size === 0;
    if (isFirst) answer.replaceChildren(element('h2', {}, 'What the model writes'));
    const made = block(this.prompts[item] ?? '', new Text(), '');
    answer.append(made);
    const [text, note] = [made.querySelector('.written')!.firstChild as Text, made.lastElementChild as HTMLElement];
    const shown = {text, note, pieces: 0, begin: performance.now()};
    this.#texts.set(item, shown);
    if (isFirst) this.begun();
    return shown;
  }
}
