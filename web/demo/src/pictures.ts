// The pictures to run: chosen by the file button, dropped on the page, or taken from the samples beside it.
import {byId, element} from './elements';

/** A picture with its address in this page, which is given back when the picture goes. */
function thumbnail(picture: Blob, name: string): HTMLImageElement {
  const image = element('img', {src: URL.createObjectURL(picture), alt: name, title: name, draggable: 'false'});
  const done = () => URL.revokeObjectURL(image.src);
  image.addEventListener('load', done);
  image.addEventListener('error', done);
  return image;
}

/** A picture as it is shown above its answer. */
export function pictureView(picture: File): HTMLElement {
  return element('p', {class: 'shown'}, thumbnail(picture, picture.name), picture.name);
}

export class Pictures {
  readonly #input = byId<HTMLInputElement>('picture');
  readonly #field = byId('picture-field');
  #chosen: File[] = [];

  constructor(readonly failed: (error: unknown) => void) {
    this.#input.addEventListener('change', () => this.#choose([...(this.#input.files ?? [])]));
    for (const type of ['dragover', 'drop']) this.#field.addEventListener(type, (event) => event.preventDefault());
    this.#field.addEventListener('drop', ({dataTransfer}) => {
      const sample = dataTransfer?.getData('text/plain') ?? '';
      if (dataTransfer?.files.length) this.#choose([...dataTransfer.files]);
      else if (this.#samples.has(sample)) void this.#take(sample);
    });
  }

  get chosen(): readonly File[] {
    return this.#chosen;
  }

  readonly #samples = new Set<string>();

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
      this.#choose([...this.#chosen, new File([bytes], address.split('/').at(-1)!, {type: bytes.type})]);
    } catch (error) {
      this.failed(error);
    }
  }

  #choose(files: File[]): void {
    this.#chosen = files;
    byId('pictures').replaceChildren(...files.map((file) => thumbnail(file, file.name)));
  }
}
