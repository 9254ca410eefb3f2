// The choice of model: a listed one, or another by CID or address, and the fields for what it takes.
import {IpfsAccelerateError, type ModelName} from 'ipfs_accelerate_js';
import {seesOnly, wordsOf, type Facts} from './answers';
import {byId, element} from './elements';
import {examples, factsOf, listModels, type Listed} from './models';
import type {Pictures} from './pictures';

const select = byId<HTMLSelectElement>('model');
const address = byId<HTMLInputElement>('address');
const text = byId<HTMLTextAreaElement>('text');
/** For a model of which nothing is known yet. */
const unknown: Facts = {answer_kind: 'embedding', takes: ['text']};
const labels: Partial<Record<string, string>> = {
  mask_fills: 'Sentences with a mask token, one per line',
  generated_text: 'Prompt',
};

export class ModelChoice {
  #models: Listed[] = [];
  /** Examples are replaced with the model; what a person typed stays. */
  #shownExamples = '';

  /** `changed` hears of another model, and `learned` of what it takes. */
  constructor(
    readonly pictures: Pictures,
    readonly changed: () => void,
    readonly learned: (facts: Facts | undefined) => void,
    readonly failed: (error: unknown) => void,
  ) {
    select.addEventListener('change', () => this.#show());
    address.addEventListener('change', () => this.#show());
  }

  /** `wanted`: a name, a CID or an address. */
  async open(wanted: string | null): Promise<void> {
    this.#models = await listModels();
    select.replaceChildren(
      ...this.#models.map((model) => element('option', {}, `${model.name} (${wordsOf(model)?.use})`)),
      element('option', {}, 'Another model, by CID or address'),
    );
    const found = this.#models.findIndex(({name, cid}) => wanted && [name, cid].includes(wanted));
    select.selectedIndex = found >= 0 || !wanted ? Math.max(0, found) : this.#models.length;
    if (wanted && found < 0) address.value = wanted;
    select.disabled = false;
    this.#show();
  }

  get #listed(): Listed | undefined {
    return this.#models[select.selectedIndex];
  }

  /** As it is asked for again. */
  get key(): string {
    return this.#listed?.name ?? address.value.trim();
  }

  get name(): ModelName {
    const listed = this.#listed;
    if (!listed) return address.value.trim();
    return listed.url ? {url: new URL(listed.url, document.baseURI).href} : listed.cid;
  }

  /** What it takes and gives; of one that is not listed it is asked, and its fields are shown. */
  async facts(): Promise<Facts> {
    const {key} = this;
    if (this.#listed) return this.#listed;
    if (!key) throw new IpfsAccelerateError('invalid_argument', 'Give the CID or the address of a model first.');
    const facts = await factsOf(this.name);
    if (key === this.key) {
      this.#tell(`Fetched by its name. It is for ${wordsOf(facts)?.use}.`);
      this.#showFields(facts);
      this.learned(facts);
    }
    return facts;
  }

  #tell(...content: (Node | string)[]): void {
    byId('cid').replaceChildren(...content);
  }

  #show(): void {
    const {key} = this;
    const listed = this.#listed;
    address.hidden = Boolean(listed);
    this.changed();
    this.learned(listed);
    this.#showFields(listed ?? unknown, listed);
    if (listed?.cid) this.#tell('CID ', element('code', {}, listed.cid));
    else if (listed) this.#tell('Shipped beside this page; its CID is computed when it is loaded.');
    else this.#tell('Fetched from this server’s gateway, or from the address.');
    if (!listed && key) this.facts().catch((error) => (key === this.key ? this.failed(error) : undefined));
  }

  /** Fields for what the model takes. */
  #showFields(facts: Facts, listed?: Listed): void {
    const writes = facts.answer_kind === 'generated_text';
    byId('text-field').hidden = seesOnly(facts);
    byId('text-label').textContent = labels[facts.answer_kind] ?? 'Sentences, one per line';
    text.rows = writes ? 3 : 7;
    byId('length').hidden = !writes;
    const sees = facts.takes.includes('image');
    this.pictures.show(sees, sees ? (listed?.pictures ?? []) : []);
    if (text.value.trim() !== this.#shownExamples.trim()) return;
    this.#shownExamples = examples(listed ?? facts).join('\n');
    text.value = this.#shownExamples;
  }
}
