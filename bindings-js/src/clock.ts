import { invalid } from "./error.js";
import type { Native } from "./native.js";
import { settle } from "./settle.js";
import type { Space } from "./space.js";

/**
 * A clock that stands still until it is told to move: for tests.
 *
 * Give it to `open(url, { clock })`. It serves the thread that made it.
 */
export class ManualClock {
  #native: Native | undefined;
  #number = 0;
  #now = 0;
  readonly #spaces = new Set<Space>();

  /** The time that it shows, in milliseconds. It starts at 0. */
  get now(): number {
    return this.#now;
  }

  /**
   * Moves the clock on; whatever is due in its spaces happens before this returns.
   *
   * @throws {LatchworkError} `invalid` where `milliseconds` is not a finite number that is at least 0.
   */
  advance(milliseconds: number): void {
    if (typeof milliseconds !== "number" || !(milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY)) {
      throw invalid("milliseconds", "must be a finite number that is at least 0");
    }
    this.#now += milliseconds;
    if (this.#native === undefined) return;
    this.#native.advance(this.#number, milliseconds);
    for (const space of this.#spaces) {
      this.#native.tick(space.handle);
      settle(this.#native, space.handle);
    }
  }

  /**
   * The clock's number in the native part.
   *
   * @internal
   */
  static numberOf(clock: ManualClock, native: Native): number {
    if (clock.#native === undefined) {
      clock.#native = native;
      clock.#number = native.manualClock();
      native.advance(clock.#number, clock.#now);
    }
    return clock.#number;
  }

  /** @internal */
  static attach(clock: ManualClock, space: Space): void {
    clock.#spaces.add(space);
  }

  /** @internal */
  static detach(clock: ManualClock, space: Space): void {
    clock.#spaces.delete(space);
  }
}

/** Makes a clock that moves only when it is told to. */
export function manualClock(): ManualClock {
  return new ManualClock();
}
