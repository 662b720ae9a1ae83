import type { Key } from "./key.js";
import { keyOf } from "./key.js";
import type { Failure, KeyValue, Native, RawBlocker, RawStale, RawStep } from "./native.js";

/** What kind of error it is: each is one that a caller would treat differently. The same in every language. */
export type ErrorCode =
  | "timeout"
  | "cancelled"
  | "deadlock"
  | "fenced"
  | "not_held"
  | "conflict"
  | "aborted"
  | "busy"
  | "closed"
  | "invalid"
  | "unavailable"
  | "unknown_outcome";

/** The name of an owner. */
export interface OwnerName {
  /** No other owner has it, in whatever thread or process. */
  readonly id: string;
  /** What its maker calls it. */
  readonly label?: string;
}

/** One of the waits that form a circle. */
export interface CycleStep {
  /** The owner of the request that waits, if it has one. */
  readonly owner?: OwnerName;
  /** The label that the request gave itself. */
  readonly label?: string;
  /** The key that it waits for: held by the owner of the next step, or reserved for it. */
  readonly key: Key;
}

/** A request or a holder that stands in the way of another on one key. */
export interface Blocker {
  /** The key on which it stands in the way. */
  readonly key: Key;
  /** Its owner, if it has one. */
  readonly owner?: OwnerName;
  /** The label that it gave itself. */
  readonly label?: string;
  /** Its fencing token when it holds the key; absent when it waits itself and came first. */
  readonly token?: number;
}

/** A cell that did not have the version that a call had seen. */
export interface Stale {
  /** The cell. */
  readonly key: Key;
  /** The version that was seen; 0: it was absent. */
  readonly expected: number;
  /** The version that it has; 0: it is absent. */
  readonly version: number;
}

/**
 * The one class of errors. Tell them apart by `code`; the message is for people and may change.
 *
 * Which fields are there depends on the code.
 */
export class LatchworkError extends Error {
  /** What kind of error it is. */
  readonly code: ErrorCode;
  /** `timeout`: the keys that were asked for. `not_held`: the keys that are not held. */
  declare readonly keys?: readonly Key[];
  /** `timeout`: the label that the request gave itself. */
  declare readonly label?: string;
  /** `timeout`: how long the request waited, in milliseconds. */
  declare readonly waited?: number;
  /**
   * `timeout`: the place in the longest of its queues, 1 for the next in line; counted up to 1,000, which stands for that or
   * more.
   */
  declare readonly position?: number;
  /** `timeout`: who stood in the way, at most sixteen for each key. */
  declare readonly blockedBy?: readonly Blocker[];
  /**
   * `deadlock`: the circle of waits that the request would have closed. The first step is the request itself; each waits for
   * a key that the next one's owner has, and the last for one that the first one's owner has.
   */
  declare readonly cycle?: readonly CycleStep[];
  /** `fenced`: the fencing token of the guard that is no longer held. */
  declare readonly token?: number;
  /** `conflict`: how often the body has run; not there in an error that a body is told whose attempt is over. */
  declare readonly attempts?: number;
  /** `conflict`: the cells that stood in the way of the last attempt, where they are known. */
  declare readonly conflicts?: readonly Stale[];
  /** `aborted`: what `tx.abort` was given. */
  declare readonly reason?: unknown;
  /** `busy`: the limit that is reached. */
  declare readonly limit?: number;
  /** `invalid`: the argument that was refused; of several keys which: `"keys[1]"`. */
  declare readonly what?: string;
  /** `invalid`: what is wrong with it. */
  declare readonly why?: string;

  /** @internal */
  constructor(code: ErrorCode, message: string, fields?: object) {
    super(message);
    this.code = code;
    Object.assign(this, fields);
  }
}

LatchworkError.prototype.name = "LatchworkError";

/**
 * The error of an argument that cannot be what it must be.
 *
 * @internal
 */
export function invalid(what: string, why: string): LatchworkError {
  return new LatchworkError("invalid", `invalid ${what}: ${why}`, { what, why });
}

/**
 * The error of what cannot be had now.
 *
 * @internal
 */
export function unavailable(what: string, cause: unknown): LatchworkError {
  const why = (cause as Partial<Error> | undefined)?.message ?? cause;
  return new LatchworkError("unavailable", `${what} cannot be loaded: ${why}`, { cause });
}

/**
 * Refuses an argument where this does not hold.
 *
 * @internal
 */
export function must(holds: boolean, what: string, be: string): asserts holds {
  if (!holds) throw invalid(what, `must be ${be}`);
}

/**
 * The error that the core reported last and nobody took yet.
 *
 * @internal
 */
export function takeError(native: Native): LatchworkError {
  return errorOf(native.failure());
}

/**
 * Throws the error that the core reported last: `native.encode(key) ?? raise(native)`.
 *
 * @internal
 */
export function raise(native: Native): never {
  throw takeError(native);
}

/**
 * An error of the core.
 *
 * @internal
 */
export function errorOf(failure: Failure): LatchworkError {
  const { code, message, ...fields } = failure;
  fields.keys &&= fields.keys.map(keyOf) as KeyValue[];
  fields.blockedBy &&= fields.blockedBy.map(withKey) as RawBlocker[];
  fields.cycle &&= fields.cycle.map(withKey) as RawStep[];
  return new LatchworkError(code as ErrorCode, message, fields);
}

/**
 * A blocker, a step or a stale cell as it comes, with its key as callers have keys.
 *
 * @internal
 */
export function withKey<T extends RawBlocker | RawStep | RawStale>(raw: T): Omit<T, "key"> & { key: Key } {
  return { ...raw, key: keyOf(raw.key) };
}
