// What the SDK's types promise: compiled by `./dev check types`, never run. Each line that must not compile says so.
import {accelerate, pipeline, type Result, type Tensor} from 'ipfs_accelerate_js';

declare const result: Result;
declare const file: File;

/** Both ways: neither is `any`, neither is wider. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : ['these types differ']): void {}

export async function pipelines(): Promise<void> {
  const classify = await pipeline('text-classification', 'model');
  const best = await classify('a');
  same<(typeof best)[number], {label: string; score: number}>();
  best[0]!.label.trim();
  (await classify(['a', 'b']))[1]!.score.toFixed();
  (await classify('a', {top_k: 3}))[2]!.label.trim();
  (await classify(['a', 'b'], {top_k: 3}))[1]![2]!.label.trim();
  // @ts-expect-error a label has no text
  void best[0]!.text;
  // @ts-expect-error the form of the answer depends on it: it belongs to the call
  await pipeline('text-classification', 'model', {top_k: 3});

  const see = await pipeline('image-classification', 'model');
  (await see(file))[0]!.label.trim();
  (await see([file, '/a.png', {image: file}]))[0]![0]!.label.trim();
  // @ts-expect-error of several pictures these are lists
  (await see([file]))[0]!.label.trim();

  const fill = await pipeline('fill-mask', 'model');
  const fills = await fill('a [MASK]');
  if (!Array.isArray(fills[0])) fills[0]!.sequence.trim();

  const write = await pipeline('text-generation', 'model');
  (await write('a'))[0]!.generated_text.trim();
  (await write(['a', 'b']))[0]![0]!.generated_text.trim();
  same<NonNullable<typeof write.last_result>['output'][number]['finish_reason'], 'stop' | 'length'>();
  for await (const piece of write.stream('a')) piece.trim();

  const rewrite = await pipeline('text2text-generation', 'model');
  (await rewrite('a'))[0]!.generated_text.trim();
  (await rewrite(['a', 'b']))[1]!.generated_text.trim();
  for await (const piece of rewrite.stream('a', {max_new_tokens: 3})) piece.trim();

  const embed = await pipeline('feature-extraction', 'model');
  same<Awaited<ReturnType<typeof embed>>, Tensor>();
  const look = await pipeline('image-feature-extraction', 'model');
  same<Awaited<ReturnType<typeof look>>, Tensor>();
  await look([file, {image: '/a.png'}], {normalize: true, pooling: 'cls'});
  await look({image: {width: 1, height: 1, pixels: new Uint8Array(3)}});
  // @ts-expect-error a picture has no pair
  await look({text: 'a', pair: 'b'});
}

export async function results(): Promise<void> {
  const answer = await accelerate('model', 'a');
  same<typeof answer, Result>();
  // @ts-expect-error of what kind the answers are is not known yet
  void answer.output[0]!.label;
  switch (result.answer_kind) {
    case 'embedding':
      return same<typeof result.output, number[][]>();
    case 'labels':
      return void result.output[0]![0]!.label.trim();
    case 'mask_fills':
      return void result.output[0]!.length.toFixed();
    case 'generated_text':
      return void result.output[0]!.text.trim();
    default:
      same<typeof result, never>(); // every kind was named
  }
}
