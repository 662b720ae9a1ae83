/**
 * Requests for the key that was last waited for: while somebody waits for it, they are sure to wait too. So they are only written
 * down, and cross together with the next call, whatever that is, or at the end of what runs. See `line.rs`.
 *
 * @internal
 */

import { LANES, Lane, type Native, Outcome, type RawKey } from "../../bindings-js/src/native.js";

/** Out: the space in which that is so; 0 where it is in none. */
const LINE = LANES + 1;
/** In: how many are written down, and where the first is. */
const JOINS = LINE + 1;
const FIRST_JOIN = JOINS + 1;
const JOINS_MAX = 64;

/** What the addon exports for it. */
export interface LineAddon {
  readonly scratch: Float64Array;
  lock: Native["lock"];
  /** Makes the requests that are written down. */
  join(): void;
}

/** `lock` of the border. */
export function lockInLine(addon: LineAddon): Native["lock"] {
  const { scratch } = addon;
  const now = Promise.resolve();
  const join = () => {
    if (scratch[JOINS] !== 0) addon.join();
  };
  /** The key that is waited for, where the lane says that one is. */
  let awaited: RawKey | undefined;

  return (key, second) => {
    const space = scratch[Lane.Handle];
    if (scratch[LINE] === space && key === awaited && second === undefined) {
      const count = scratch[JOINS] as number;
      if (count < JOINS_MAX) {
        const at = FIRST_JOIN + 2 * count;
        scratch[at] = scratch[Lane.Slot] as number;
        scratch[at + 1] = scratch[Lane.Generation] as number;
        scratch[JOINS] = count + 1;
        scratch[Lane.Outcome] = Outcome.Waiting;
        scratch[Lane.Settled] = 0;
        if (count === 0) now.then(join);
        return;
      }
    }
    if (second !== undefined) {
      addon.lock(key, second);
      return;
    }
    addon.lock(key);
    if (scratch[Lane.Outcome] !== Outcome.Waiting || scratch[LINE] !== space) return;
    // A text is the same key for ever, and bytes are not.
    awaited = typeof key === "string" ? key : undefined;
  };
}
