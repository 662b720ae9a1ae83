import type { Guard } from "./guard.js";
import type { Keys } from "./key.js";
import type { Owner } from "./owner.js";

/** What `transact` can be told besides the body. */
export interface TransactOptions {
  /**
   * So many runs may end in a conflict; then the call rejects with `conflict`. Runs that end in `tx.retry()` do not count. Usually
   * there is no limit. Less than 4 can be used up before the call has its turn.
   */
  attempts?: number | undefined;
  /**
   * Milliseconds until the call rejects with `timeout`, wherever it is: nothing commits then. 0: where it would wait for others; its
   * body lasts as long as it likes. Infinity: none.
   */
  timeout?: number | undefined;
  /** Ends the call when it is aborted, wherever it is: nothing commits, and the call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Whose call it is: one of this space. A wait for the turn of another call of the same owner is refused with `deadlock`, as it
   * could be inside that: calls that run side by side have owners of their own, or none.
   */
  owner?: Owner | undefined;
  /** A text for people: shown by `query` and in errors. */
  label?: string | undefined;
  /**
   * Commits only while this guard holds every key that it was granted, except those that it released itself: else the call
   * rejects with `fenced`, as soon as the guard is lost.
   */
  guard?: Guard | undefined;
  /** The keys that the `guard` must hold instead. */
  guardKeys?: Keys | undefined;
}

/** What `update` can be told besides the key and the function. */
export interface UpdateOptions extends TransactOptions {
  /**
   * Milliseconds until the cell expires, from the commit on. Null or Infinity: it does not. Left out: what the cell had stays, as a
   * new value in a session does not make it last longer.
   */
  expireIn?: number | null | undefined;
}
