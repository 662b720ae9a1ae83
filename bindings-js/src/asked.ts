/**
 * What a request asked for, as it is kept until somebody wants to know: no more than it takes, since few ever do.
 *
 * @internal
 */

import type { Key } from "./key.js";
import type { RawKey, RawKeys } from "./native.js";
import type { Owner } from "./owner.js";

/** One key, two, or more than that. */
export type Asked = RawKey | Pair | KeySet;

/** Two string keys, without options. */
export class Pair {
  constructor(
    readonly first: string,
    readonly second: string,
  ) {}
}

const NEVER = Number.POSITIVE_INFINITY;

/** Keys in both modes, and all that a request can say besides; one object, since each costs. */
export class KeySet {
  constructor(
    readonly exclusive: RawKeys,
    readonly shared: RawKeys = undefined,
    readonly label: string | undefined = undefined,
    public owner: Owner | undefined = undefined,
    /** Milliseconds that the grant lasts at most. */
    readonly maxHold: number = NEVER,
    /** Milliseconds that it waits at most. */
    readonly timeout: number = NEVER,
    readonly signal: AbortSignal | undefined = undefined,
    /** The further keys as they were given, to say which was refused. */
    readonly more: unknown = undefined,
  ) {}
}

/** All that the request said, where it said more than one key or two. */
export function saidBy(asked: Asked): KeySet | undefined {
  return asked instanceof KeySet ? asked : undefined;
}

/** Whether the grant has an end. */
export function isLimited(asked: Asked): boolean {
  return (saidBy(asked)?.maxHold ?? NEVER) !== NEVER;
}

/** Whether the wait has an end. */
export function isTimed(asked: Asked): boolean {
  return (saidBy(asked)?.timeout ?? NEVER) !== NEVER;
}

/** The exclusive keys, and the shared ones. */
export function keysOf(asked: Asked): [exclusive: RawKey[], shared: RawKey[]] {
  if (asked instanceof KeySet) return [listOf(asked.exclusive), listOf(asked.shared)];
  return [asked instanceof Pair ? [asked.first, asked.second] : [asked], []];
}

/** One key, several or none as a list. */
export function listOf<K extends Key>(keys: K | readonly K[] | undefined): K[] {
  return keys === undefined ? [] : Array.isArray(keys) ? keys : [keys as K];
}
