/** What the function of an `update` answers where the cell is to stay as it is: nothing is written. */
export const KEEP: unique symbol = Symbol();

/** What the function of an `update` answers where the cell is to be deleted. */
export const DELETE: unique symbol = Symbol();

/** What the function of an `update` can answer. */
export type Answer<T> = T | typeof KEEP | typeof DELETE;

/** What became of an update. */
export interface Updated<T = unknown> {
  /** What the cell holds now; undefined where it was deleted, or is absent. */
  readonly value: T | undefined;
  /** The version of the commit; where nothing was written, that of the cell, 0 where it is absent. */
  readonly version: number;
  /** How often the function ran. */
  readonly attempts: number;
  /** Whether the cell was written or deleted. */
  readonly changed: boolean;
}

/** What became of a transaction. */
export interface Transacted<T = unknown> {
  /** What its body returned. */
  readonly value: T;
  /** The version of all cells that it wrote; 0 where it wrote none. */
  readonly version: number;
  /** How often its body ran, the runs that ended in `tx.retry()` among them. */
  readonly attempts: number;
}
