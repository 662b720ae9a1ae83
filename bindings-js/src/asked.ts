/**
 * What a request asked for, as it is kept until somebody wants to know: no more than it takes, since few ever do.
 *
 * @internal
 */

import type { RawKey } from "./native.js";
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

/** Keys in both modes, a label, and an owner. */
export class KeySet {
  constructor(
    readonly exclusive: RawKey[],
    readonly shared: RawKey[],
    readonly label: string | undefined,
    readonly owner: Owner | undefined,
    /** Whether the grant has an end. */
    readonly limited: boolean,
  ) {}
}

/** The label that the request gave itself. */
export function labelOf(asked: Asked): string | undefined {
  return asked instanceof KeySet ? asked.label : undefined;
}

/** The owner that the request was given. */
export function ownerOf(asked: Asked): Owner | undefined {
  return asked instanceof KeySet ? asked.owner : undefined;
}

/** Whether the grant has an end. */
export function isLimited(asked: Asked): boolean {
  return asked instanceof KeySet && asked.limited;
}

/** The exclusive keys, and the shared ones. */
export function keysOf(asked: Asked): [exclusive: RawKey[], shared: RawKey[]] {
  if (asked instanceof KeySet) return [asked.exclusive, asked.shared];
  return [asked instanceof Pair ? [asked.first, asked.second] : [asked], []];
}
