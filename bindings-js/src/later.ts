/**
 * An iterator whose code is loaded when it is needed.
 *
 * @internal
 */

const DONE = { value: undefined, done: true } as const;

/** What is loaded. */
export interface Running<T> {
  next(): Promise<IteratorResult<T, undefined>>;
  /** Ends it: a `next` that waits is done, and so are all later ones. */
  end(): void;
}

/** Begins at the first `next`, and ends where it is left; one that could not begin says so at every `next`. */
export class Later<T> implements AsyncIterableIterator<T> {
  readonly #begin: () => Promise<Running<T>>;
  #begun: Promise<Running<T> | undefined> | undefined;

  constructor(begin: () => Promise<Running<T>>) {
    this.#begin = begin;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    this.#begun ??= this.#begin();
    return (await this.#begun)?.next() ?? DONE;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    const begun = this.#begun;
    this.#begun = Promise.resolve(undefined);
    (await begun?.catch(() => undefined))?.end();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
