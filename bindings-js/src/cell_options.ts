import type { Guard } from "./guard.js";
import type { Key, Keys } from "./key.js";

/** What every write of a cell can be told. */
export interface GuardedOptions {
  /**
   * Writes only while this guard holds every key that it was granted, except those that it released itself: else the call
   * rejects with `fenced`. Checked in the same step as the write.
   */
  guard?: Guard | undefined;
  /** Where it is aborted before the call, nothing is written; the call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What `set`, `insert` and `compareExchange` can be told besides. */
export interface WriteOptions extends GuardedOptions {
  /** Milliseconds until the cell expires: then it is absent. Null, Infinity or left out: never, whatever it did before. */
  expireIn?: number | null | undefined;
}

/** What `delete` can be told besides the key. */
export interface DeleteOptions extends GuardedOptions {
  /** Deletes only a cell that has this version; 0: that is absent. */
  version?: number | undefined;
}

/** What a write in an atomic step can be told. */
export type AtomicOptions = Pick<WriteOptions, "expireIn">;

/** The keys that begin with this one: a string or bytes by their leading bytes, a tuple by whole parts. */
export interface Prefix {
  prefix: Key;
}

/** A prefix, or the keys from `start` on that come before `end`, in key order; one of these can be left out. */
export type Range = Prefix | { start: Key; end?: Key | undefined } | { start?: Key | undefined; end: Key };

/** What `list` can be told besides the range. */
export interface ListOptions {
  /** At most so many cells. */
  limit?: number | undefined;
  /** From the last key to the first. */
  reverse?: boolean | undefined;
}

/** What `deleteAll` can be told besides the range. */
export interface DeleteAllOptions {
  /** Cells that stay. */
  except?: Keys | undefined;
}

/** What `watch` can be told besides what to watch. */
export interface WatchOptions {
  /** Ends the watch when it is aborted. */
  signal?: AbortSignal | undefined;
}
