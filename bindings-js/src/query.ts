import { type Blocker, type OwnerName, withKey } from "./error.js";
import { type Key, keyOf } from "./key.js";
import type { RawQuery } from "./native.js";

/** What is held and what waits, at one instant. */
export interface Query {
  /** The locks that are held, in key order of their first keys. */
  readonly held: readonly Hold[];
  /** The requests that wait. Those that share a key are in the order in which they will be granted. */
  readonly pending: readonly Wait[];
}

/** A lock that is held. */
export interface Hold {
  /** The keys held exclusively, in key order. */
  readonly keys: readonly Key[];
  /** The keys held in shared mode, in key order. */
  readonly shared: readonly Key[];
  /** The fencing token. */
  readonly token: number;
  /** The owner of the request, if it has one. */
  readonly owner?: OwnerName;
  /** The label that the request gave itself. */
  readonly label?: string;
  /** Milliseconds since someone first waited for it; absent while nobody did. */
  readonly age?: number;
  /** Whether its caller has seen the grant. */
  readonly claimed: boolean;
}

/** A request that waits. */
export interface Wait {
  /** The keys asked for exclusively, in key order. */
  readonly keys: readonly Key[];
  /** The keys asked for in shared mode, in key order. */
  readonly shared: readonly Key[];
  /** The owner of the request, if it has one. */
  readonly owner?: OwnerName;
  /** The label that the request gave itself. */
  readonly label?: string;
  /** Milliseconds since it joined. */
  readonly age?: number;
  /** Its place in the longest of its queues: 1 is the next in line. Counted up to 1,000, which stands for that or more. */
  readonly position: number;
  /** Who stands in its way, at most sixteen for each key. */
  readonly blockedBy: readonly Blocker[];
}

/** @internal */
export function queryOf(raw: RawQuery): Query {
  return shown({
    held: raw.held.map((hold) => ({ ...hold, keys: hold.keys.map(keyOf), shared: hold.shared.map(keyOf) })),
    pending: raw.pending.map((wait) => ({
      ...wait,
      keys: wait.keys.map(keyOf),
      shared: wait.shared.map(keyOf),
      blockedBy: wait.blockedBy.map(withKey),
    })),
  });
}

let shown = (query: Query): Query => query;

/**
 * Has queries go through this, which gives them what logs look for.
 *
 * @internal
 */
export function showQueries(show: (query: Query) => Query): void {
  shown = show;
}
