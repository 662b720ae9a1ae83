/**
 * Clocks that tests move: what a space needs of one. The class itself is loaded by tests only.
 *
 * @internal
 */

import type { ManualClock } from "./manual_clock.js";
import type { Native } from "./native.js";
import type { Space } from "./space.js";

/** How a space uses a clock. */
export interface ClockLink {
  /** The clock's number in the native part. */
  numberOf(native: Native): number;
  /** The spaces to tell what is due when it is moved. */
  readonly spaces: Set<Space>;
}

const links = new WeakMap<object, ClockLink>();

/** Makes an object a clock. */
export function link(clock: ManualClock, how: ClockLink): void {
  links.set(clock, how);
}

/** How to use this clock; nothing where it is none. */
export function linkOf(clock: unknown): ClockLink | undefined {
  return links.get(clock as object);
}
