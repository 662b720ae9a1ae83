/**
 * The timer of a space in a process, which ends when nothing keeps it alive; a page does not.
 *
 * @internal
 */

import { Timer, useTimer } from "./timer.js";

/**
 * Keeps the process alive for a wait that it may end: one with a deadline, or one behind a lock that has an end; for the end of a
 * lock alone it does not.
 */
class ProcessTimer extends Timer {
  /** How many requests wait that it may end. */
  #timed = 0;

  override added(): void {
    this.#timed++;
    super.added();
    if (this.#timed === 1) this.#refer();
  }

  override gone(): void {
    this.#timed--;
    if (this.#timed === 0) this.#refer();
  }

  protected override arm(): void {
    const before = this.armed;
    super.arm();
    if (this.armed !== before) this.#refer();
  }

  #refer(): void {
    // In a page it is a number, and there is no such question.
    (this.armed as { ref?(): void; unref?(): void } | undefined)?.[this.#timed > 0 ? "ref" : "unref"]?.();
  }
}

/** Has the timers of spaces keep the process alive while they are needed, and no longer. */
export function installProcessTimer(): void {
  useTimer(ProcessTimer);
}
