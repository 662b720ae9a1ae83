/**
 * The part of the border that `update` and `transact` need; loaded with the cells.
 *
 * One call of either is driven from here: the core says what to do next, by a {@link Step}, and is told how the body ended. It
 * never waits and runs no body itself.
 *
 * @internal
 */

import type { RawKey } from "./native.js";
import type { RawDemand, RawEntry, RawRange } from "./native_cells.js";

/** The lanes of `scratch` as these calls use them. */
export enum CallLane {
  /** Out, of what answers a step: a {@link Step}. */
  Step = 1,
  /** Out, with the first step: the number of the call. */
  Call = 2,
  /** Out, of a step: which attempt is to run, or how many have run. */
  Attempt = 3,
  /** Out, of a step, `enter` and `leave`: by what number the body that runs now is known. */
  Scope = 4,
  /** Out: how the call went. `Refused`, of an insert: a cell is there. */
  Outcome = 5,
  /** Out: the version of the cell, or of the commit. */
  Version = 6,
  /** Out, of what answers a step: as of every call. */
  Settled = 7,
  /** Out, with `Done`: how many callbacks there are to run. */
  Callbacks = 8,
  /** Out: milliseconds until the cell expires, Infinity for never. */
  ExpiresIn = 9,
  /** Out, with `Run`: 1 where the call has its turn, and is told where that is lost. */
  InTurn = 10,
  /** Out, with `Done`: 1 where the cell was changed. */
  Changed = 11,
}

/** What to do next. */
export enum Step {
  /** Nothing: `Changed` with the number that the call was given is told when to go on. */
  Wait = 0,
  /** Run the body. */
  Run = 1,
  /** It has committed. */
  Done = 2,
  /** It has ended with what the body threw. */
  Threw = 3,
  /** It has ended: {@link Native.failure} says why. */
  Failed = 4,
}

/** What a call says besides. Infinity: no limit. */
export interface RawSpec {
  attempts: number;
  /** Milliseconds. */
  timeout: number;
  /** The number of an owner, 0 for none. */
  owner: number;
  /** Of an update: as below. */
  expireIn: number;
  label?: string;
  guard?: RawDemand;
}

/**
 * What the core offers for them. As for the rest: no call throws; what is *settled* is reported in the lanes. A call that has ended
 * is unknown from then on: `Wait` is the step, and operations have failed.
 *
 * An `expireIn` is in milliseconds: Infinity for never, NaN where nothing is said of it.
 */
export interface NativeCalls {
  /** Begins an update. *Step; settles.* With `Run` here and below: the value of the cell, fresh bytes; Version, ExpiresIn. */
  update(handle: number, tell: number, key: RawKey, spec: RawSpec | undefined): Uint8Array | null | undefined;
  /** Begins a transaction. *Step; settles.* */
  transact(handle: number, tell: number, spec: RawSpec | undefined): void;
  /** It was told that it can go on. *Step; settles.* */
  goOn(call: number): Uint8Array | null | undefined;
  /** The function of an update answered this value; nothing to delete the cell. *Step; settles.* */
  answer(call: number, scope: number, value: Uint8Array | undefined): Uint8Array | null | undefined;
  /** It answered that the cell is to stay as it is. With `Done`: what it holds, fresh bytes. *Step; settles.* */
  keep(call: number, scope: number): Uint8Array | null | undefined;
  /** The body of a transaction returned. *Step; settles.* */
  returned(call: number, scope: number): void;
  /** The body threw. *Step; settles.* */
  threw(call: number, scope: number): Uint8Array | null | undefined;
  /** Gives the call up: nothing commits. *Settles.* */
  cancel(call: number): void;
  /** The numbers of the callbacks to run, in this order. Asked once, before anything else, where `Done` told of some. */
  callbacks(): number[];

  /** A cell as the transaction sees it: fresh bytes. Out: Outcome, Version, ExpiresIn. */
  get(call: number, scope: number, key: RawKey): Uint8Array | null | undefined;
  /** Cells at one instant, in the order asked; nothing with outcome `Failed`. */
  getMany(call: number, scope: number, keys: RawKey[]): RawEntry[] | null | undefined;
  /** The cells of a range at one instant, in key order; `limit`: Infinity for none. Nothing with outcome `Failed`. */
  list(call: number, scope: number, range: RawRange, limit: number, reverse: boolean): RawEntry[] | null | undefined;
  /** Sets a cell at the commit. */
  set(call: number, scope: number, key: RawKey, value: Uint8Array, expireIn: number): void;
  /** Sets a cell that is absent; else `Refused` and the cell that is there, as from `get`. */
  insert(call: number, scope: number, key: RawKey, value: Uint8Array, expireIn: number): Uint8Array | null | undefined;
  /** Deletes a cell at the commit. */
  delete(call: number, scope: number, key: RawKey): void;
  /** Begins a savepoint. Out: Scope, by which its body is known. */
  enter(call: number, scope: number): void;
  /** Ends a savepoint; its writes go where they are not to be kept. Out: Scope, that of the body around it. */
  leave(call: number, scope: number, keeps: boolean): void;
  /** Has a callback run after the commit. */
  onCommit(call: number, scope: number, callback: number): void;
  /** Marks the attempt, or the savepoint, as aborted. Outcome `Failed`: with what is to be thrown. */
  abort(call: number, scope: number, reason: string): void;
  /** Marks the attempt: it is to run again once something that it read has changed. As `abort`. */
  retry(call: number, scope: number): void;
}
