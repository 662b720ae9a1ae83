/** What people write by hand: a map of values with versions. */
export class Versions {
  #cells = new Map();
  #last = 0;

  get(key) {
    return this.#cells.get(key) ?? { key, value: undefined, version: 0 };
  }

  set(key, value) {
    this.#last += 1;
    this.#cells.set(key, { key, value, version: this.#last });
    return this.#last;
  }

  compareExchange(key, version, value) {
    if (this.get(key).version !== version) return false;
    this.set(key, value);
    return true;
  }

  /** The cells whose keys begin so, in key order. */
  list(prefix) {
    const found = [...this.#cells.values()].filter((cell) => cell.key.startsWith(prefix));
    return found.sort((one, other) => (one.key < other.key ? -1 : 1));
  }
}

/** The same where what is read is the reader's own, as ours is. */
export class Copies extends Versions {
  get(key) {
    const cell = super.get(key);
    return { ...cell, value: structuredClone(cell.value) };
  }

  set(key, value) {
    return super.set(key, structuredClone(value));
  }
}
