// ModelFolder: a folder named by its CID, read as files of verified blocks.
import type {Blocks} from './blocks';
import type {Cid} from './cid';
import {ContentFile, listFolder, resolvePath} from './unixfs';

/** Files by path relative to the folder. */
export class ModelFolder {
  readonly #listings = new Map<string, Promise<Map<string, Cid>>>();
  constructor(readonly blocks: Blocks, readonly cid: Cid, readonly origin: 'ipfs' | 'url' | 'disk') {}

  static async open(blocks: Blocks, path: string, signal?: AbortSignal): Promise<ModelFolder> {
    return new ModelFolder(blocks, await resolvePath(blocks, path, signal), 'ipfs');
  }

  /** Undefined when there is no such file. */
  async file(path: string, signal?: AbortSignal): Promise<ContentFile | undefined> {
    const cid = await this.#find(path, signal);
    return cid && ContentFile.open(this.blocks, path, cid, signal);
  }

  async has(path: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.#find(path, signal)) !== undefined;
  }

  async #find(path: string, signal?: AbortSignal): Promise<Cid | undefined> {
    const names = path.split('/');
    const last = names.pop()!;
    let folder = this.cid;
    for (const name of names) {
      const child = (await this.#list(folder, signal)).get(name);
      if (!child) return undefined;
      folder = child;
    }
    return (await this.#list(folder, signal)).get(last);
  }

  #list(cid: Cid, signal?: AbortSignal): Promise<Map<string, Cid>> {
    let listing = this.#listings.get(cid.text);
    if (!listing) {
      listing = listFolder(this.blocks, cid, signal);
      this.#listings.set(cid.text, listing);
      listing.catch(() => this.#listings.delete(cid.text)); // a failure is not remembered
    }
    return listing;
  }
}

/** Where a model's weights are: one file, or shards that an index lists. */
export const weightFile = 'model.safetensors';
export const shardIndex = 'model.safetensors.index.json';
