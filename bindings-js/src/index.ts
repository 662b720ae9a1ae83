/**
 * Keyed multi-locks: ask for any number of keys at once, get all of them or none, in order, without deadlocks. And versioned
 * cells beside them.
 *
 * The types need `"lib": ["es2022", "esnext.disposable"]`, and `"dom"` or the types of Node for `AbortSignal`. `using` needs
 * TypeScript 5.2 or later.
 *
 * @module
 */

export { type Answer, DELETE, KEEP, type Transacted, type Updated } from "./answers.js";
export type { Atomic } from "./atomic.js";
export type {
  AtomicOptions,
  DeleteAllOptions,
  DeleteOptions,
  GuardedOptions,
  ListOptions,
  Prefix,
  Range,
  WatchOptions,
  WriteOptions,
} from "./cell_options.js";
export type { Codec, CodecOption } from "./codec.js";
export type { Committed, Conflict, Deleted, Entry, Exchanged } from "./entry.js";
export { type Blocker, type CycleStep, type ErrorCode, LatchworkError, type OwnerName, type Stale } from "./error.js";
export type { Guard } from "./guard.js";
export { type Key, type Keys, key, type TupleKey, turnOf } from "./key.js";
export { open } from "./open.js";
export type { OpenOptions } from "./open_options.js";
export type { LockOptions, Mode, TryLockOptions } from "./options.js";
export type { Owner, OwnLockOptions, OwnTryLockOptions } from "./owner.js";
export type { Hold, Query, Wait } from "./query.js";
export type { Body } from "./scope.js";
export type { Space } from "./space.js";
export type { Inserted, Transaction, TransactionBody } from "./transaction.js";
export type { TransactOptions, UpdateOptions } from "./update_options.js";
