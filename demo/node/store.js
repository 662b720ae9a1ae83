// JSON documents in a folder, one file each.

import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";

/** Documents are read and written whole; a reader sees the old file or the new one, never half of one. */
export class Store {
  #folder;
  #written = 0;

  constructor(folder) {
    this.#folder = folder;
  }

  async load(id) {
    return JSON.parse(await readFile(this.#file(id), "utf8"));
  }

  /** The document, if there is one. */
  async find(id) {
    try {
      return await this.load(id);
    } catch (error) {
      if (error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async save(id, document) {
    this.#written += 1;
    const fresh = `${this.#file(id)}.${this.#written}`;
    await writeFile(fresh, JSON.stringify(document));
    await rename(fresh, this.#file(id));
  }

  #file(id) {
    return path.join(this.#folder, `${id}.json`);
  }
}
