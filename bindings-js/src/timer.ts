import { settle } from "./settle.js";
import type { Space } from "./space.js";

/** The longest delay that hosts take. */
const LONGEST = 2 ** 31 - 1;

/**
 * The one timer of a space that no other thread can reach (clause B5): armed for what is due next, and only while some wait has
 * a deadline or some lock an end. It keeps a process alive for a wait that it may end: one with a deadline, or one behind a lock
 * that has an end; for the end of a lock alone it does not. Of a space that threads share the core is told the time without it,
 * since this thread may be blocked when others wait.
 *
 * @internal
 */
export class Timer {
  readonly #space: Space;
  /**
   * Whether a lock with an end was asked for. Requests wait for earlier ones only: those that wait since may wait for its end,
   * those before do not.
   */
  ends = false;
  /** How many requests wait that it may end. */
  #timed = 0;
  /** Whether some lock may have an end. */
  #limited = false;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  /** When it will fire, by `performance.now`. */
  #at = 0;

  constructor(space: Space) {
    this.#space = space;
  }

  /** A wait that it may end began. */
  added(): void {
    this.#timed++;
    this.#arm();
    if (this.#timed === 1) refer(this.#timeout, true);
  }

  /** A wait that it may end has ended. */
  gone(): void {
    this.#timed--;
    if (this.#timed > 0) return;
    if (this.#limited) refer(this.#timeout, false);
    else this.#clear();
  }

  /** Something will be due that nobody waits for: the end of a lock, or that of a cell. */
  limited(): void {
    this.#limited = true;
    this.#arm();
  }

  #arm(): void {
    const { native, handle, clock } = this.#space;
    // A manual clock ticks when it is moved.
    if (clock !== undefined) return;
    const next = native.nextDeadline(handle);
    if (next === Number.POSITIVE_INFINITY) {
      this.#limited = false;
      // It may be armed for what has ended before its time.
      this.#clear();
      return;
    }
    const delay = Math.min(Math.ceil(next), LONGEST);
    const at = performance.now() + delay;
    if (this.#timeout !== undefined) {
      if (this.#at <= at) return;
      this.#clear();
    }
    this.#at = at;
    this.#timeout = setTimeout(() => this.#fire(), delay);
    if (this.#timed === 0) refer(this.#timeout, false);
  }

  #fire(): void {
    const { native, handle } = this.#space;
    this.#timeout = undefined;
    native.tick(handle);
    settle(native, handle);
    if (this.#timed > 0 || this.#limited) this.#arm();
  }

  #clear(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }
}

/** Whether the process waits for a timer; in a page it is a number, and there is no such question. */
function refer(timeout: unknown, keepsAlive: boolean): void {
  (timeout as { ref?(): void; unref?(): void } | undefined)?.[keepsAlive ? "ref" : "unref"]?.();
}
