/**
 * How a space comes to its cells: their code is loaded at the first operation on one, so that who only locks does without.
 *
 * @internal
 */

import type { Cells } from "./cells.js";
import { unavailable } from "./error.js";
import { isBytes } from "./key.js";
import type { Space } from "./space.js";

/** The operations, by name. */
export type Name =
  | "get"
  | "getMany"
  | "set"
  | "insert"
  | "compareExchange"
  | "delete"
  | "commit"
  | "list"
  | "deleteAll"
  | "watch"
  | "update"
  | "transact";

/** `set`, `insert` and `compareExchange`: those that are given a value. */
const VALUED = /se|x/;

/**
 * Calls this operation. They take effect in the order of the calls, with arguments as they are then. But what is done meanwhile
 * with a guard or a signal counts: nothing is written for a lock that another one may have.
 */
export function onCells<T>(space: Space, name: Name, ...given: unknown[]): Promise<T> {
  return space.root.cells?.done(space, name, given) ?? later(space, name, given);
}

async function later<T>(space: Space, name: Name, given: unknown[]): Promise<T> {
  const taken = asNow(name, given);
  return (await loaded(space.root)).done(space, name, taken);
}

/** A value as it is now, for a codec that is not there yet. */
export class Snapshot {
  clone: unknown;

  constructor(readonly value: unknown) {
    try {
      this.clone = structuredClone(value);
    } catch {
      // The codec refuses it too, or the caller's own functions have to do with it as it will be.
      this.clone = value;
    }
  }
}

/** Arguments that the caller may change, as they are now; `keep` keeps a value. Lists and objects are copied, not what is in them. */
export function asNow(
  name: string,
  given: unknown[],
  keep = (value: unknown): unknown => new Snapshot(value),
): unknown[] {
  // The value follows a key or an entry; where a comparison is given a key, it follows the version.
  const value = name === "compareExchange" && !("version" in Object(given[0])) ? 2 : VALUED.test(name) ? 1 : -1;
  return given.map((each, index) => {
    if (index === value) return keep(each);
    if (Array.isArray(each) || isBytes(each)) return each.slice();
    return each?.constructor === Object ? { ...each } : each;
  });
}

/** Whether the code is here: then spaces have their cells from the beginning, and operations take effect at the call. */
export let atHand = false;

/** Says that the code is here. */
export function haveAtHand(): void {
  atHand = true;
}

/** The cells of a space. */
export function loaded(space: Space): Promise<Cells> {
  if (space.loading === undefined) {
    space.loading = load(space);
    // First of all who wait for it: so nobody who finds the cells there comes before one who waits.
    space.loading.then((cells) => (space.cells = cells)).catch(() => {});
  }
  return space.loading;
}

async function load(space: Space): Promise<Cells> {
  const native = space.native.cells();
  try {
    const cells = await (await import("./cells.js")).newCells(space, await native);
    atHand = true;
    return cells;
  } catch (cause) {
    space.loading = undefined;
    throw unavailable("cells", cause);
  }
}
