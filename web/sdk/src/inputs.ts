// What may be given to a model: texts and pairs of texts.
import {fail} from './errors';

/** One item: a text, or a text and a second one. */
export type Input = string | {text: string; pair?: string};
export type Content = Input | Input[];

export interface TextItem {
  text: string;
  pair?: string;
}

export function textItems(content: Content): TextItem[] {
  const list = Array.isArray(content) ? content : [content];
  if (list.length === 0) fail('invalid_argument', 'no input: give at least one text');
  return list.map((item, i) => {
    const {text, pair} = typeof item === 'string' ? {text: item, pair: undefined} : (item ?? {});
    if (typeof text !== 'string') fail('invalid_argument', `input ${i} is no text`);
    if (pair !== undefined && typeof pair !== 'string') fail('invalid_argument', `the pair of input ${i} is no text`);
    return pair === undefined ? {text} : {text, pair};
  });
}
