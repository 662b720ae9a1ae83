import { link } from "./clock.js";
import { invalid, takeError } from "./error.js";
import type { Native } from "./native.js";
import { settle } from "./settle.js";
import type { Space } from "./space.js";
import { checkText } from "./text.js";

/**
 * A clock that stands still until it is told to move: for tests.
 *
 * Give it to `open(url, { clock })`. One with a name is the same clock in every worker thread (in a browser: in the page or
 * worker that made it); one without serves the thread that made it.
 */
export class ManualClock {
  #native: Native | undefined;
  #number = 0;
  /** How far it was moved before the native part was there. */
  #before = 0;
  readonly #name: string | undefined;
  readonly #spaces = new Set<Space>();

  /** @internal */
  constructor(name: string | undefined) {
    this.#name = name;
    link(this, { numberOf: (native) => this.#numberOf(native), spaces: this.#spaces });
  }

  /** The time that it shows, in milliseconds. It starts at 0. */
  get now(): number {
    return this.#native === undefined ? this.#before : this.#native.now(this.#number);
  }

  /**
   * Moves the clock on. Whatever is due in the spaces that this thread has opened with it happens before this returns; waits
   * of other threads in these spaces hear of it as of anything else.
   *
   * @throws {LatchworkError} `invalid` where `milliseconds` is not a finite number that is at least 0.
   */
  advance(milliseconds: number): void {
    if (typeof milliseconds !== "number" || !(milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY)) {
      throw invalid("milliseconds", "must be a finite number that is at least 0");
    }
    if (this.#native === undefined) {
      this.#before += milliseconds;
      return;
    }
    this.#native.advance(this.#number, milliseconds);
    for (const space of this.#spaces) {
      this.#native.tick(space.handle);
      settle(space);
    }
  }

  #numberOf(native: Native): number {
    if (this.#native === undefined) {
      const number = native.manualClock(this.#name);
      if (number === 0) throw takeError(native);
      this.#native = native;
      this.#number = number;
      native.advance(number, this.#before);
    }
    return this.#number;
  }
}

/**
 * Makes a clock that moves only when it is told to; with a name, the one of that name.
 *
 * @throws {LatchworkError} `invalid` where the name is not a string, or has a lone surrogate.
 */
export function manualClock(name?: string): ManualClock {
  if (name !== undefined) checkText(name, "name");
  return new ManualClock(name);
}
