import { settle } from "./settle.js";
import type { Space } from "./space.js";

/** The longest delay that hosts take. */
const LONGEST = 2 ** 31 - 1;

/**
 * The one timer of a space that no other thread can reach (clause B5): armed for what is due next, when something that has an
 * end begins. It may fire for what has ended before its time. Of a space that threads share the core is told the time without
 * it, since this thread may be blocked when others wait.
 *
 * @internal
 */
export class Timer {
  /**
   * Whether a lock with an end was asked for. Requests wait for earlier ones only: those that wait since may wait for its end,
   * those before do not.
   */
  ends = false;
  protected armed: ReturnType<typeof setTimeout> | undefined;
  readonly #space: Space;
  /** When it will fire, by `performance.now`. */
  #at = 0;

  constructor(space: Space) {
    this.#space = space;
  }

  /** A wait that it may end began. */
  added(): void {
    this.arm();
  }

  /** A wait that it may end has ended. */
  gone(): void {}

  /** Something will be due that nobody waits for: the end of a lock, or that of a cell. */
  limited(): void {
    this.arm();
  }

  /** The space is closed. */
  stop(): void {
    clearTimeout(this.armed);
    this.armed = undefined;
  }

  protected arm(): void {
    const { native, handle, clock } = this.#space;
    // A manual clock ticks when it is moved.
    const next = clock ? Number.POSITIVE_INFINITY : native.nextDeadline(handle);
    if (next === Number.POSITIVE_INFINITY) {
      // It may be armed for what has ended before its time.
      this.stop();
      return;
    }
    const delay = Math.min(Math.ceil(next), LONGEST);
    const at = performance.now() + delay;
    if (this.armed !== undefined && this.#at <= at) return;
    this.stop();
    this.#at = at;
    this.armed = setTimeout(() => {
      this.armed = undefined;
      native.tick(handle);
      settle(this.#space);
      this.arm();
    }, delay);
  }
}

/**
 * The kind that spaces have.
 *
 * @internal
 */
export let SpaceTimer = Timer;

/**
 * Has spaces use another kind: each entry that runs in a process does so once.
 *
 * @internal
 */
export function useTimer(timer: typeof Timer): void {
  SpaceTimer = timer;
}
