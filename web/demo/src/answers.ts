// One view per kind of answer: similarity of embeddings, labels of a classifier, words for a mask, texts.
import type {AnswerKind, AnswerTypes, Label, MaskFill, Result} from 'ipfs_accelerate_js';
import {element} from './elements';
import {heatMap} from './heatMap';
import {pictureView} from './pictures';
import {writtenView} from './writing';

/** What was asked: sentences, or pictures. */
export type Item = string | File;

/** What of a model decides which fields and which words it needs. */
export interface Facts {
  answer_kind: AnswerKind;
  /** Kinds of content: `text`, `image` ... */
  takes: string[];
}
/** Whether it takes pictures only. */
export const seesOnly = ({takes}: Facts): boolean => takes.includes('image') && !takes.includes('text');

export const nameOf = (item: Item): string => (typeof item === 'string' ? item : item.name);

function itemView(item: Item): HTMLElement {
  return typeof item === 'string' ? element('p', {class: 'asked'}, item) : pictureView(item);
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

interface Words {
  title: string;
  /** What a model that answers so is for. */
  use: string;
  /** What becomes of what it is given. */
  story: string;
}
interface View<Answer> extends Words {
  /** In other words, where pictures are given. */
  ofPictures?: Words;
  show(items: Item[], output: Answer[]): HTMLElement;
}
const views: {[Kind in AnswerKind]: View<AnswerTypes[Kind]>} = {
  embedding: {
    title: 'How alike they are',
    use: 'similarity',
    story: 'Your sentences become tokens, the tokens numbers, and the numbers a map of how alike the sentences are.',
    ofPictures: {
      title: 'How alike they are',
      use: 'similarity of pictures',
      story: 'Your pictures become numbers, and the numbers a map of how alike the pictures are.',
    },
    show: (items, vectors) => heatMap(items.map(nameOf), vectors),
  },
  labels: {
    title: 'What it is',
    use: 'labels',
    story: 'Your sentences become tokens, the tokens numbers, and the numbers a share for each label.',
    ofPictures: {
      title: 'What it shows',
      use: 'what a picture shows',
      story: 'Your pictures become numbers, and the numbers a share for each thing that they may show.',
    },
    show: labels,
  },
  mask_fills: {
    title: 'What fits in place of the mask',
    use: 'missing words',
    story:
      'Your sentences become tokens, the tokens numbers, and the numbers a share for each word that may be missing.',
    show: words,
  },
  generated_text: {
    title: 'What the model writes',
    use: 'writing',
    story:
      'Your prompt becomes tokens; the model adds the likeliest next one, again and again, and the text grows here.',
    show: (items, texts) => writtenView(items.map(nameOf), texts),
  },
};

/** How to speak of such a model; undefined for kinds of answers that this page cannot show yet. */
export function wordsOf(facts: Facts): Words | undefined {
  const view: View<never> | undefined = views[facts.answer_kind];
  return (seesOnly(facts) && view?.ofPictures) || view;
}

function shown<Kind extends AnswerKind>(kind: Kind, items: Item[], output: AnswerTypes[Kind][]): HTMLElement {
  const {title, ofPictures, show} = views[kind];
  const heading = items[0] instanceof File ? (ofPictures?.title ?? title) : title;
  return element('div', {}, element('h2', {}, heading), show(items, output));
}

/** What the model answered. */
export function answerView({answer_kind: kind, output}: Result, items: Item[]): HTMLElement {
  return shown(kind, items, output);
}
