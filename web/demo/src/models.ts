// The models to choose from: those of the server this page came from, else those shipped beside the page.
import type {AnswerKind} from 'ipfs_accelerate_js';
import {useOf} from './answers';

export interface Listed {
  name: string;
  /** Empty when it is only known once loaded. */
  cid: string;
  answer_kind: AnswerKind;
  /** Kinds of content: `text`, `image` ... */
  takes: string[];
  /** Address of the folder, when it is not fetched by its CID. */
  url?: string;
}

async function json<T>(path: string): Promise<T | undefined> {
  try {
    const response = await fetch(path);
    if (!response.ok || !response.headers.get('content-type')?.includes('json')) return undefined;
    return (await response.json()) as T;
  } catch {
    return undefined;
  }
}

/** Models whose answers this page can show, the server's first. */
export async function listModels(): Promise<Listed[]> {
  const served = (await json<{models: Listed[]}>('/api/models'))?.models ?? [];
  const shipped = (await json<{models: Listed[]}>('models/models.json'))?.models ?? [];
  const names = new Set(served.map(({name}) => name));
  return [...served.filter(({answer_kind: kind}) => useOf(kind)), ...shipped.filter(({name}) => !names.has(name))];
}

/** Pictures that show what a model does: addresses beside this page. */
export async function samplePictures(name: string): Promise<string[]> {
  if (!/^[\w-]+$/.test(name)) return [];
  const files = (await json<string[]>(`samples/${name}/samples.json`)) ?? [];
  return files.map((file) => `samples/${name}/${file}`);
}

/** Sentences that show what a model does. */
export function examples(name: string, kind?: AnswerKind): string[] {
  if (name.startsWith('numbers-') && kind === 'labels')
    return [
      'forty two',
      'there are 7,145 books in the village.',
      'we need thirty pencils for the office.',
      'did Anna see the tickets?',
    ];
  if (kind === 'generated_text') return [name.startsWith('numbers-') ? '42 =' : 'Once upon a time'];
  if (name.startsWith('numbers-'))
    return ['42', 'forty two', 'forty-two', 'the number 7', 'seven', 'one thousand two hundred', '1,200'];
  if (kind === 'mask_fills') return ['The capital of France is [MASK].'];
  return [
    'A man is playing a guitar.',
    'Someone plays music.',
    'The stock market fell today.',
    'Shares lost value this morning.',
  ];
}
