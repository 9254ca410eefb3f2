// The models to choose from: those of the server this page came from, else those shipped beside the page.
import {explain, IpfsAccelerateError, type ModelName} from 'ipfs_accelerate_js';
import {wordsOf, type Facts} from './answers';

export interface Listed extends Facts {
  name: string;
  /** Empty when it is only known once loaded. */
  cid: string;
  /** Address of the folder, when it is not fetched by its CID. */
  url?: string;
  /** What it is tried with: sentences, and addresses of pictures beside this page. */
  texts?: string[];
  pictures?: string[];
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

/** Models whose answers this page can show, the server's first; what those of the same name are tried with is theirs too. */
export async function listModels(): Promise<Listed[]> {
  const served = (await json<{models: Listed[]}>('/api/models'))?.models ?? [];
  const shipped = (await json<{models: Listed[]}>('models/models.json'))?.models ?? [];
  const samplesOf = (name: string) => {
    const {texts = [], pictures = []} = shipped.find((model) => model.name === name) ?? {};
    return {texts, pictures};
  };
  const names = new Set(served.map(({name}) => name));
  return [
    ...served.filter(wordsOf).map((model) => ({...model, ...samplesOf(model.name)})),
    ...shipped.filter(({name}) => !names.has(name)),
  ];
}

async function ask(model: ModelName): Promise<Facts> {
  const plan = await explain(model, undefined, {platform: 'cpu', gateways: [location.origin]});
  const {task, answer_kind, takes} = plan as Facts & {task: string};
  if (wordsOf({answer_kind, takes})) return {answer_kind, takes};
  throw new IpfsAccelerateError('invalid_argument', `This page cannot show answers of the task ${task}.`);
}

const asked = new Map<string, Promise<Facts>>();

/** What a model that is not listed takes and gives; asked once, and no weight is read for it. */
export function factsOf(model: ModelName): Promise<Facts> {
  const key = JSON.stringify(model);
  const known = asked.get(key) ?? ask(model);
  asked.set(key, known);
  known.catch(() => asked.delete(key));
  return known;
}

/** Sentences to try a model with: its own, or such as many models of the kind know. */
export function examples(model?: Partial<Listed>): string[] {
  if (model?.texts?.length) return model.texts;
  if (model?.answer_kind === 'generated_text') return ['Once upon a time'];
  if (model?.answer_kind === 'mask_fills') return ['The capital of France is [MASK].'];
  return [
    'A man is playing a guitar.',
    'Someone plays music.',
    'The stock market fell today.',
    'Shares lost value this morning.',
  ];
}
