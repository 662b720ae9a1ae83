import type { Key } from "./key.js";

/** A cell as it was when it was read. */
export interface Entry<T = unknown> {
  /** Its key. */
  readonly key: Key;
  /** Its value, the reader's own: changing it does not change the cell. Undefined where it is absent. */
  readonly value: T | undefined;
  /** Larger at each change, and never one that the cell had before. 0 where it is absent. */
  readonly version: number;
  /** Milliseconds from the reading until it expires; not there where it does not. */
  readonly expiresIn?: number;
}

/** A condition that was not met. */
export interface Conflict<T = unknown> {
  /** The cell. */
  readonly key: Key;
  /** The version that it should have had; 0: it should have been absent. */
  readonly expected: number;
  /** The cell as it is. */
  readonly entry: Entry<T>;
}

/** What became of a write with a condition: its version, or the cell as it is instead. */
export type Exchanged<T = unknown> =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly entry: Entry<T> };

/** What became of a delete: whether the cell was there, or where it has another version the cell as it is. */
export type Deleted<T = unknown> =
  | { readonly ok: true; readonly existed: boolean }
  | { readonly ok: false; readonly entry: Entry<T> };

/** What became of an atomic step: its version (0 where nothing was to be written), or all conditions that were not met. */
export type Committed<T = unknown> =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly conflicts: readonly Conflict<T>[] };
