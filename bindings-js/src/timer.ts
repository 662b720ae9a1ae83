import { settle } from "./settle.js";
import type { Space } from "./space.js";

/** The longest delay that hosts take. */
const LONGEST = 2 ** 31 - 1;

/**
 * The one timer of a space (clause B5): armed for what is due next, and only while some wait has a deadline.
 *
 * @internal
 */
export class Timer {
  readonly #space: Space;
  /** How many waits have a deadline. */
  #timed = 0;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  /** When it will fire, by `performance.now`. */
  #at = 0;

  constructor(space: Space) {
    this.#space = space;
  }

  /** A wait with a deadline began. */
  added(): void {
    this.#timed++;
    this.#arm();
  }

  /** A wait with a deadline ended. */
  gone(): void {
    this.#timed--;
    if (this.#timed === 0) this.#clear();
  }

  #arm(): void {
    const { native, handle, clock } = this.#space;
    // A manual clock ticks when it is moved.
    if (clock !== undefined) return;
    const delay = Math.min(Math.ceil(native.nextDeadline(handle)), LONGEST);
    const at = performance.now() + delay;
    if (this.#timeout !== undefined) {
      if (this.#at <= at) return;
      this.#clear();
    }
    this.#at = at;
    this.#timeout = setTimeout(() => this.#fire(), delay);
  }

  #fire(): void {
    const { native, handle } = this.#space;
    this.#timeout = undefined;
    native.tick(handle);
    settle(native, handle);
    if (this.#timed > 0) this.#arm();
  }

  #clear(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }
}
