// One view per task: similarity of embeddings, labels of a classifier, words for a mask.
import {element} from './elements';
import {heatMap} from './heatMap';

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

function labels(sentences: string[], output: Label[][]): HTMLElement {
  return element(
    'div',
    {},
    ...output.map((ranked, i) =>
      element(
        'div',
        {class: 'classes'},
        element('p', {}, sentences[i]!),
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

const titles: Record<string, string> = {
  'feature-extraction': 'How alike the sentences are',
  'text-classification': 'What the sentences are',
  'fill-mask': 'What fits in place of the mask',
};

/** What the model answered, for its task. */
export function answerView(task: string, sentences: string[], output: unknown[]): HTMLElement {
  const view =
    task === 'feature-extraction'
      ? heatMap(sentences, output as number[][])
      : task === 'text-classification'
        ? labels(sentences, output as Label[][])
        : words(sentences, output as Word[][]);
  return element('div', {}, element('h2', {}, titles[task] ?? task), view);
}
