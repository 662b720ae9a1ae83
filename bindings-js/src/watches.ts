/**
 * What waits to be told something that is no answer to a request: that a grant was lost, that something was handed over.
 *
 * @internal
 */

/** The watches of one space, by numbers that are never used again. */
export class Watches {
  /** The number given last. Whoever may never be told takes one, and is kept under it once it may. */
  last = 0;
  readonly #told = new Map<number, (ended?: boolean) => void>();

  /** Keeps what to call, under a new number, or one that it had before; answers the number. */
  add(tell: (ended?: boolean) => void, number = ++this.last): number {
    this.#told.set(number, tell);
    return number;
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
    for (const tell of all) tell(true);
  }
}
