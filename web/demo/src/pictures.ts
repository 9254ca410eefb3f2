// The pictures to run: chosen by the file button, dropped on the page, or taken from the samples beside it.
import {IpfsAccelerateError} from 'ipfs_accelerate_js';
import {byId, element} from './elements';

/** A picture with its address in this page, which is given back when the picture is shown or cannot be. */
function thumbnail(picture: Blob, name: string, unreadable = () => {}): HTMLImageElement {
  const image = element('img', {src: URL.createObjectURL(picture), alt: name, title: name, draggable: 'false'});
  const done = () => URL.revokeObjectURL(image.src);
  image.addEventListener('load', done);
  image.addEventListener('error', () => {
    done();
    unreadable();
  });
  return image;
}

/** A picture as it is shown above its answer. */
export function pictureView(picture: File): HTMLElement {
  return element('p', {class: 'shown'}, thumbnail(picture, picture.name), picture.name);
}

const types = ['image/png', 'image/jpeg'];
const isSame = (a: File, b: File) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
const refusal = (names: string[]) =>
  new IpfsAccelerateError('invalid_argument', `${names.join(', ')}: not taken. Pictures are PNG or JPEG files.`);

export class Pictures {
  readonly #input = byId<HTMLInputElement>('picture');
  readonly #field = byId('picture-field');
  readonly #samples = new Set<string>();
  #chosen: File[] = [];
  /** Names of those of the last choice that are not taken. */
  #refused: string[] = [];

  /** `changed` hears of every choice, `failed` of what cannot be taken. */
  constructor(
    readonly changed: () => void,
    readonly failed: (error: unknown) => void,
  ) {
    this.#input.addEventListener('change', () => {
      this.#add([...(this.#input.files ?? [])]);
      this.#input.value = ''; // so that what was removed can be chosen again
    });
    for (const type of ['dragover', 'drop']) this.#field.addEventListener(type, (event) => event.preventDefault());
    this.#field.addEventListener('drop', ({dataTransfer}) => {
      const sample = dataTransfer?.getData('text/plain') ?? '';
      if (dataTransfer?.files.length) this.#add([...dataTransfer.files]);
      else if (this.#samples.has(sample)) void this.#take(sample);
    });
    byId('no-pictures').addEventListener('click', () => this.#choose([]));
  }

  get chosen(): readonly File[] {
    return this.#chosen;
  }

  show(visible: boolean, samples: string[]): void {
    this.#field.hidden = !visible;
    byId('samples-note').hidden = samples.length === 0;
    this.#samples.clear();
    for (const address of samples) this.#samples.add(address);
    byId('samples').replaceChildren(...samples.map((address) => this.#sample(address)));
  }

  #sample(address: string): HTMLElement {
    const name = address.split('/').at(-1)!;
    const button = element(
      'button',
      {type: 'button', class: 'quiet', title: `Take ${name}`, draggable: 'true'},
      element('img', {src: address, alt: `Sample ${name}`, draggable: 'false'}),
    );
    button.addEventListener('click', () => void this.#take(address));
    button.addEventListener('dragstart', ({dataTransfer}) => dataTransfer?.setData('text/plain', address));
    return button;
  }

  async #take(address: string): Promise<void> {
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`${address}: status ${response.status}`);
      const bytes = await response.blob();
      this.#add([new File([bytes], address.split('/').at(-1)!, {type: bytes.type, lastModified: 0})]);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Those that may be pictures, and are not chosen yet. */
  #add(files: File[]): void {
    const refused = files.filter(({type}) => !types.includes(type));
    const added = files.filter((file) => !refused.includes(file) && !this.#chosen.some((other) => isSame(file, other)));
    this.#refused = refused.map(({name}) => name);
    this.#choose([...this.#chosen, ...added]);
    if (refused.length > 0) this.failed(refusal(this.#refused));
  }

  #choose(files: File[]): void {
    this.#chosen = files;
    byId('pictures').replaceChildren(...files.map((file) => this.#chosenView(file)));
    byId('no-pictures').hidden = files.length < 2;
    this.changed();
  }

  #chosenView(file: File): HTMLElement {
    const unreadable = () => {
      if (!this.#chosen.includes(file)) return;
      this.#remove(file);
      this.#refused.push(file.name);
      this.failed(refusal(this.#refused));
    };
    const name = `Remove ${file.name}`;
    const button = element('button', {type: 'button', 'aria-label': name, title: name}, '×');
    button.addEventListener('click', () => {
      const at = this.#chosen.indexOf(file);
      this.#remove(file);
      const left = byId('pictures').querySelectorAll('button');
      (left[Math.min(at, left.length - 1)] ?? this.#input).focus();
    });
    return element('span', {}, thumbnail(file, file.name, unreadable), button);
  }

  #remove(file: File): void {
    this.#choose(this.#chosen.filter((other) => other !== file));
  }
}
