/**
 * The part of the border that cells need; apart from the rest, so that it is loaded with them.
 *
 * @internal
 */

import type { KeyValue, RawKey } from "./native.js";
import type { NativeCalls } from "./native_calls.js";

/** The lanes of `scratch` as the calls on one cell use them. */
export enum CellLane {
  /** In: the space. */
  Handle = 0,
  /** In, with a guard: the halves of its ticket. */
  Place = 3,
  Number = 4,
  /** Out: how the call went. `Refused`: a version is another than the one that was expected. */
  Outcome = 5,
  /** Out, of a write: as of every call. */
  Settled = 7,
  /** In: the version that the cell must have, below zero for any. Out: that of the cell, or of the commit. */
  Version = 6,
  /** In and out: milliseconds until the cell expires, Infinity for never. */
  ExpiresIn = 9,
  /** In, with a guard: its fencing token. */
  GuardToken = 10,
  /** In: a {@link Guarded}. Out, of a delete: 1 where the cell was there. */
  Flag = 11,
}

/** What a write says of a guard. */
export enum Guarded {
  /** It names none. */
  No = 0,
  /** It names one. */
  Yes = 1,
  /** It names one that was released: it will be refused. */
  Released = 2,
}

/** A cell. */
export interface RawEntry {
  key: KeyValue;
  /** Fresh bytes; nothing where it is absent. */
  value?: Uint8Array | null;
  version: number;
  expiresIn?: number | null;
}

/** A condition that was not met. */
export interface RawConflict {
  expected: number;
  entry: RawEntry;
}

/** A prefix, or where the range begins, ends, or both. */
export interface RawRange {
  prefix?: RawKey;
  start?: RawKey;
  end?: RawKey;
  /** The prefixes of the sub-space whose keys these are. */
  within?: RawKey[];
}

/** A condition, a write, or both: one with a value sets the cell. */
export interface RawChange {
  key: RawKey;
  /** The version that it must have. */
  expected?: number;
  value?: Uint8Array;
  expireIn?: number;
  deletes: boolean;
}

/** A guard that a commit names. */
export interface RawDemand {
  place: number;
  number: number;
  token: number;
  /** Whether it was released or handed over. */
  released: boolean;
  /** The keys that it must hold; else all that it was granted, except those that it released itself. */
  keys?: RawKey[];
}

/** What the core offers for cells. As for the rest: no call throws; what is *settled* is reported in the lanes. */
export interface NativeCells {
  /** In: Handle. The value of a cell, fresh bytes. Out: Outcome, Version, ExpiresIn. */
  get(key: RawKey): Uint8Array | null | undefined;
  /** Cells at one instant, in the order asked; nothing with outcome `Failed`. */
  getMany(handle: number, keys: RawKey[]): RawEntry[] | null | undefined;
  /** The cells of a range at one instant, in key order; `limit`: Infinity for none. Nothing with outcome `Failed`. */
  list(handle: number, range: RawRange, limit: number, reverse: boolean): RawEntry[] | null | undefined;
  /**
   * In: Handle, Version, ExpiresIn, Flag, and with a guard Place, Number, GuardToken. Sets the cell; without a value deletes
   * it. Out: Version, Flag; with outcome `Refused` the cell that is there, as from `get`. *Settles.*
   */
  write(key: RawKey, value: Uint8Array | undefined): Uint8Array | null | undefined;
  /** Makes all changes and sets Version; or none, and answers with `Refused` the conditions that were not met. *Settles.* */
  commit(handle: number, changes: RawChange[], demands: RawDemand[]): RawConflict[] | null | undefined;
  /** Deletes all cells of a range but some; answers the keys, in key order. Nothing with outcome `Failed`. *Settles.* */
  deleteAll(handle: number, range: RawRange, except: RawKey[]): KeyValue[] | null | undefined;

  /** What `update` and `transact` need, loaded where it was not. */
  calls(): NativeCalls | Promise<NativeCalls>;

  /** Prepares to watch these cells; answers the number of the watch, nothing with outcome `Failed`. */
  watch(handle: number, keys: RawKey[]): number | null | undefined;
  /** As `watch`, of all cells of a range. */
  watchRange(handle: number, range: RawRange): number | null | undefined;
  /**
   * The next state of what is watched, if there is one. Else `Changed` with this number is told once, when it is worth asking
   * again. Nothing with outcome `Failed` too.
   */
  nextOf(watch: number, tell: number): RawEntry[] | null | undefined;
  /** Ends a watch. */
  endWatch(watch: number): void;
  /** Somebody waits for a change. Whether this keeps the process, until `awaited`. */
  awaits(handle: number): boolean;
  /** The opposite of `awaits`, where that keeps the process. */
  awaited(): void;
}
