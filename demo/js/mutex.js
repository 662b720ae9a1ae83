// What one writes without Latchwork: a mutex of promises for each name.

/** A mutex for each name. `acquire` answers the function that releases. */
export class Mutexes {
  #tails = new Map();

  async acquire(name) {
    const before = this.#tails.get(name);
    let release;
    this.#tails.set(
      name,
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    await before;
    return release;
  }
}

/** Opens for all when `count` have come. */
export class Barrier {
  #missing;
  #open;
  #opened = new Promise((resolve) => {
    this.#open = resolve;
  });

  constructor(count) {
    this.#missing = count;
  }

  arrive() {
    this.#missing -= 1;
    if (this.#missing === 0) this.#open();
    return this.#opened;
  }
}
