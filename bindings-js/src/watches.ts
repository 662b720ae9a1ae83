/**
 * What waits to be told something that is no answer to a request: that a grant was lost, that something was handed over.
 *
 * @internal
 */

/** The watches of one space, by numbers that are never used again. */
export class Watches {
  #last = 0;
  readonly #told = new Map<number, () => void>();

  /** Keeps what to call; answers its number. */
  add(tell: () => void): number {
    this.#told.set(++this.#last, tell);
    return this.#last;
  }

  /** Takes out what to call. */
  take(number: number): (() => void) | undefined {
    const tell = this.#told.get(number);
    this.#told.delete(number);
    return tell;
  }

  /** Tells all: the space is closed. */
  end(): void {
    const all = [...this.#told.values()];
    this.#told.clear();
    for (const tell of all) tell();
  }
}
