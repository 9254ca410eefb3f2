// One view per kind of answer: similarity of embeddings, labels of a classifier, words for a mask, texts.
import type {AnswerKind, AnswerTypes, Label, MaskFill, Result} from 'ipfs_accelerate_js';
import {element} from './elements';
import {heatMap} from './heatMap';
import {pictureView} from './pictures';
import {writtenView} from './writing';

/** What was asked: sentences, or pictures. */
export type Item = string | File;

const nameOf = (item: Item): string => (typeof item === 'string' ? item : item.name);

function itemView(item: Item): HTMLElement {
  return typeof item === 'string' ? element('p', {}, item) : pictureView(item);
}

function score(name: string, value: number): HTMLElement {
  const text = value >= 0.9995 ? '100 %' : `${(100 * value).toFixed(1)} %`;
  return element(
    'div',
    {class: 'score'},
    element('span', {title: name}, name),
    element('span', {class: 'track'}, element('i', {'--v': value.toFixed(4)})),
    element('span', {}, text),
  );
}

function labels(items: Item[], output: Label[][]): HTMLElement {
  return element(
    'div',
    {},
    ...output.map((ranked, i) =>
      element(
        'div',
        {class: 'classes'},
        itemView(items[i]!),
        ...ranked.map(({label, score: value}) => score(label, value)),
      ),
    ),
  );
}

/** One list for each mask. */
function masksOf(answer: AnswerTypes['mask_fills']): MaskFill[][] {
  const isOne = (list: typeof answer): list is MaskFill[] => !Array.isArray(list[0]);
  return isOne(answer) ? [answer] : answer;
}

function words(items: Item[], output: AnswerTypes['mask_fills'][]): HTMLElement {
  return element(
    'div',
    {},
    ...output.flatMap((answer, i) => {
      const masks = masksOf(answer);
      const name = nameOf(items[i]!);
      return masks.map((ranked, m) =>
        element(
          'div',
          {class: 'classes'},
          element('p', {}, masks.length > 1 ? `${name} (mask ${m + 1})` : name),
          ...ranked.map(({token_str: word, score: value}) => score(word.trim() || word, value)),
        ),
      );
    }),
  );
}

interface View<Answer> {
  title: string;
  /** What a model that answers so is for. */
  use: string;
  show(items: Item[], output: Answer[]): HTMLElement;
}
const views: {[Kind in AnswerKind]: View<AnswerTypes[Kind]>} = {
  embedding: {
    title: 'How alike they are',
    use: 'similarity',
    show: (items, vectors) => heatMap(items.map(nameOf), vectors),
  },
  labels: {title: 'What it is', use: 'labels', show: labels},
  mask_fills: {title: 'What fits in place of the mask', use: 'missing words', show: words},
  generated_text: {
    title: 'What the model writes',
    use: 'writing',
    show: (items, texts) => writtenView(items.map(nameOf), texts),
  },
};

/** What models are for whose answers this page can show; undefined for kinds that a newer server has. */
export function useOf(kind: AnswerKind): string | undefined {
  return views[kind]?.use;
}

function shown<Kind extends AnswerKind>(kind: Kind, items: Item[], output: AnswerTypes[Kind][]): HTMLElement {
  const {title, show} = views[kind];
  return element('div', {}, element('h2', {}, title), show(items, output));
}

/** What the model answered. */
export function answerView({answer_kind: kind, output}: Result, items: Item[]): HTMLElement {
  return shown(kind, items, output);
}
