// What stands in place of an answer before there is one.
import {wordsOf, type Facts} from './answers';
import {byId, element} from './elements';

/** For the model that is chosen, where it is known. */
export function showIntroduction(facts?: Facts): void {
  const answer = byId('answer');
  delete answer.dataset.platform;
  answer.replaceChildren(
    element(
      'div',
      {class: 'empty'},
      element('h2', {}, 'What happens when you press Run'),
      element(
        'ol',
        {},
        element('li', {}, 'The model’s blocks are fetched by their hashes, and each is verified before it is used.'),
        element('li', {}, 'Its configuration becomes a graph, and a plan says which device computes which part.'),
        element(
          'li',
          {},
          (facts && wordsOf(facts)?.story) ?? 'What you give becomes numbers, and the numbers an answer.',
        ),
      ),
      element('p', {}, 'Everything on the result is measured. The second run comes from the cache.'),
    ),
  );
}
