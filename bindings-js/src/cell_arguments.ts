/**
 * What operations on cells are given, checked.
 *
 * @internal
 */

import type { GuardedOptions } from "./cell_options.js";
import type { Entry } from "./entry.js";
import { invalid } from "./error.js";
import { Guard } from "./guard.js";
import { isBytes, rawKey, TupleKey } from "./key.js";
import type { Native } from "./native.js";
import type { RawDemand, RawRange } from "./native_cells.js";
import { checkOptions, checkSignal, checkTime } from "./options.js";
import type { Space } from "./space.js";

const NEVER = Number.POSITIVE_INFINITY;

/** What a range is made of. */
export const RANGE = ["prefix", "start", "end"];

/** The options of a write of one cell. */
export interface Wanted {
  /** Milliseconds, Infinity for never. */
  readonly expireIn: number;
  readonly guard: Guard | undefined;
  /** The version that a delete names. */
  readonly version: number | undefined;
}

const NOTHING: Wanted = { expireIn: NEVER, guard: undefined, version: undefined };

/** The options that a write of one cell was given. Throws the reason of a signal that is aborted. */
export function wanted(space: Space, options: unknown, known: readonly string[]): Wanted {
  if (options === undefined) return NOTHING;
  checkOptions(options, known);
  // Each is read once: a getter may answer otherwise the next time.
  const { expireIn, guard, version, signal } = options;
  const checked = {
    expireIn: expiryOf(expireIn),
    guard: guard === undefined ? undefined : guardOf(space, guard),
    version: version === undefined ? undefined : versionOf(version),
  };
  refuseAborted(signal);
  return checked;
}

/** Throws the reason of a signal that is aborted. */
function refuseAborted(given: unknown): void {
  const signal = checkSignal(given as GuardedOptions["signal"]);
  if (signal?.aborted) throw signal.reason;
}

/** Milliseconds until a cell expires, Infinity for never. */
export function expiryOf(expireIn: unknown): number {
  return expireIn === null ? NEVER : checkTime(expireIn, "expireIn");
}

/** A version that a cell can have: 0 where it is absent. */
export function versionOf(version: unknown): number {
  if (!Number.isSafeInteger(version) || (version as number) < 0) {
    throw invalid("version", "must be a version: a whole number, not negative");
  }
  return version as number;
}

/** A guard of this space. */
export function guardOf(space: Space, guard: unknown): Guard {
  if (!(guard instanceof Guard)) throw invalid("guard", "must be a guard, from lock, tryLock or withLock");
  // Another opening of the same space is the same space.
  if (guard.space.epoch !== space.epoch) throw invalid("guard", "is of another space");
  return guard;
}

/** What a commit demands of a guard. */
export function demandOf({ place, number, token }: Guard, released: boolean): RawDemand {
  return { place, number, token, released };
}

/** Whether it is a cell that was read, and no key. */
export function isEntry(given: unknown): given is Entry {
  if (typeof given !== "object" || given === null || given instanceof TupleKey || isBytes(given)) return false;
  return "key" in given && "version" in given;
}

/** The key and the version of an entry, or of a key that comes with its version. */
export function expectedOf(given: unknown, version: unknown): [key: unknown, version: number] {
  if (!isEntry(given)) return [given, versionOf(version)];
  if (version !== undefined) throw invalid("version", "the entry has one already");
  return [given.key, versionOf(given.version)];
}

/** Whether it says which keys, and is none. */
export function isRange(given: unknown): given is Record<string, unknown> {
  if (typeof given !== "object" || given === null || given instanceof TupleKey || isBytes(given)) return false;
  return !Array.isArray(given);
}

/** A range of keys; all of them where nothing is said. */
export function rangeOf(native: Native, given: unknown, known: readonly string[]): RawRange {
  if (!isRange(given)) throw invalid("range", `must be an object with ${known.join(", ")}`);
  checkOptions(given, known);
  // The range of a sub-space is made one of its space by the core.
  const { outer = native } = native.inside ?? {};
  const { prefix, start, end } = given;
  if (prefix !== undefined) {
    if (start !== undefined || end !== undefined)
      throw invalid("prefix", "is one way to say which, start and end are the other");
    return { prefix: rawKey(outer, prefix, "prefix") };
  }
  return {
    ...(start !== undefined && { start: rawKey(outer, start, "start") }),
    ...(end !== undefined && { end: rawKey(outer, end, "end") }),
  };
}

/** A whole number, Infinity where there is no limit. */
export function countOf(count: unknown = NEVER, what: string, least = 0): number {
  if (count !== NEVER && !(Number.isSafeInteger(count) && (count as number) >= least)) {
    throw invalid(what, `must be a whole number, ${least === 0 ? "not negative" : `${least} or more`}`);
  }
  return count as number;
}

/** True or false; false where it is not given. */
export function switchOf(value: unknown, what: string): boolean {
  if (value !== undefined && typeof value !== "boolean") throw invalid(what, "must be true or false");
  return value === true;
}
