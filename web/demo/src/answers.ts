// One view per kind of answer: similarity of embeddings, labels of a classifier, words for a mask, texts.
import type {AnswerKind, Result} from 'ipfs_accelerate_js';
import {element} from './elements';
import {heatMap} from './heatMap';
import {pictureView} from './pictures';
import {writtenView} from './writing';

/** What was asked: sentences, or pictures. */
export type Item = string | File;

function itemView(item: Item): HTMLElement {
  return typeof item === 'string' ? element('p', {}, item) : pictureView(item);
}

interface Label {
  label: string;
  score: number;
}
interface Word {
  score: number;
  token_str: string;
  sequence: string;
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

function words(sentences: string[], output: (Word[] | Word[][])[]): HTMLElement {
  return element(
    'div',
    {},
    ...output.flatMap((answer, i) => {
      const masks = (Array.isArray(answer[0]) ? answer : [answer]) as Word[][];
      return masks.map((ranked, m) =>
        element(
          'div',
          {class: 'classes'},
          element('p', {}, masks.length > 1 ? `${sentences[i]} (mask ${m + 1})` : sentences[i]!),
          ...ranked.map(({token_str: word, score: value}) => score(word.trim() || word, value)),
        ),
      );
    }),
  );
}

interface View {
  title: string;
  /** What a model that answers so is for. */
  use: string;
  show(items: never[], output: never): HTMLElement;
}
const views: Partial<Record<AnswerKind, View>> = {
  embedding: {title: 'How alike the sentences are', use: 'similarity', show: heatMap},
  labels: {title: 'What it is', use: 'labels', show: labels},
  mask_fills: {title: 'What fits in place of the mask', use: 'missing words', show: words},
  generated_text: {title: 'What the model writes', use: 'writing', show: writtenView},
};

/** What models are for whose answers this page can show; undefined for others. */
export function useOf(kind: AnswerKind): string | undefined {
  return views[kind]?.use;
}

/** What the model answered. */
export function answerView({answer_kind: kind, task, output}: Result, items: Item[]): HTMLElement {
  const view = views[kind];
  const shown = view
    ? view.show(items as never[], output as never)
    : element('pre', {}, JSON.stringify(output, null, 2));
  return element('div', {}, element('h2', {}, view?.title ?? task), shown);
}
