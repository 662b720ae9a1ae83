/**
 * The border between the shared TypeScript surface and the core.
 *
 * The Node addon and the Wasm module both implement {@link Native}: free functions, number handles, no classes, no
 * promises. What is asked often crosses in `scratch`, an array of doubles that both sides see, because a lane of it costs
 * about a nanosecond and an argument or a returned object ten to fifty.
 *
 * @internal
 */

import type { NativeCells } from "./native_cells.js";
import type { Place } from "./within.js";

/**
 * A key as it crosses: a string is a string key, a number (checked: a safe integer), bigint or boolean likewise;
 * a `Uint8Array` is the **canonical encoding** of any key, made by {@link Native.encode}. Strings cross as UTF-16.
 */
export type RawKey = string | number | bigint | boolean | Uint8Array;

/** One key, several or none. */
export type RawKeys = RawKey | RawKey[] | undefined;

/**
 * A key as it is encoded, and as it comes back: a `Uint8Array` is a bytes key, an array is a tuple, or, where it begins with
 * `undefined`, the turn of the key that follows, or of the space.
 */
export type KeyValue = string | number | bigint | boolean | Uint8Array | undefined | KeyValue[];

/** The lanes of `scratch`. */
export enum Lane {
  /** In: the space, as {@link Native.open} named it. */
  Handle = 0,
  /** In, with a lock: where the caller will keep the waiter; comes back in {@link Entry.Slot}. A 32-bit integer ≥ 0. */
  Slot = 1,
  /** In, with a lock: tells two waiters of one slot apart; comes back in {@link Entry.Generation}. 31 bits. */
  Generation = 2,
  /** In and out: first half of the ticket. */
  Place = 3,
  /** In and out: second half of the ticket. */
  Number = 4,
  /** Out: how the call went, an {@link Outcome}. */
  Outcome = 5,
  /** Out: the fencing token, when granted. */
  Token = 6,
  /** Out: how many settled entries follow. When it is {@link SETTLED_MAX} there may be more: call `drain`. */
  Settled = 7,
  /** In, with {@link Native.lockWith} and {@link Native.tryLockWith}: the number of an owner, 0 for none. */
  Owner = 8,
  /** In, likewise: milliseconds ≥ 0, Infinity for none. */
  MaxHold = 9,
  /** In, with {@link Native.lockWith}: milliseconds ≥ 0, Infinity for none. */
  Timeout = 10,
  /** In, likewise: 1 when the caller confirms grants itself (`signal`), else 0. */
  Deferred = 11,
  /** Where the first settled entry begins. */
  First = 12,
}

/**
 * A lane as a small integer where it is one. The engine keeps those in place, and makes an object for each double that is
 * stored.
 */
export function whole(lane: number | undefined): number {
  const small = (lane as number) | 0;
  return small === lane ? small : (lane as number);
}

/** The lanes of one settled entry, from its beginning. */
export enum Entry {
  /** The space whose waiter it is: not always the space of the call (two handles of one name in one thread). */
  Handle = 0,
  /** Or the number of a watch: any whole number. */
  Slot = 1,
  Generation = 2,
  Place = 3,
  Number = 4,
  Token = 5,
  /** `Granted`, `Abandoned`, `Lost` or `HandedOver`; or `Failed`: then {@link Native.failure} gives the error. */
  Outcome = 6,
  /** Lanes per entry. */
  Size = 7,
}

/** Settled entries that one call can report. */
export const SETTLED_MAX = 64;

/** Lanes in `scratch`. */
export const LANES = Lane.First + SETTLED_MAX * Entry.Size;

/** How a call went. */
export enum Outcome {
  /** Done. Of a lock: granted, see the lanes Place, Number, Token. Of `confirm`: the grant stands. */
  Granted = 0,
  /** Of a lock: queued, the lanes Place and Number have the ticket. Of `cancel`: it was waiting and is gone. */
  Waiting = 1,
  /** Of a try: not now. Of `cancel`: nothing to cancel any more. */
  Refused = 2,
  /** Of `cancel`: it was granted and not confirmed; its keys went on to the next. */
  GivenOn = 3,
  /** Refused with an error: {@link Native.failure} gives it. Nothing was changed. */
  Failed = 4,
  /** Of a settled request: granted, and a holder of one of its keys went away without a word while it was queued. */
  Abandoned = 5,
  /** Of a watch, whose number is in {@link Entry.Slot}: the grant was lost. */
  Lost = 6,
  /** Of a watch: something was handed over to the owner, or the owner is closed. */
  HandedOver = 7,
  /** Of a watch: cells that are watched have changed, or the space was closed. Of an update or a transaction: it can go on. */
  Changed = 8,
}

/** A grant that was handed over. */
export interface RawHanded {
  keys: KeyValue[];
  shared: KeyValue[];
  /** A copy of what the giver sent along. */
  payload?: unknown;
}

/** An error of the core. Times in milliseconds, keys as values. */
export interface Failure {
  code: string;
  message: string;
  keys?: KeyValue[];
  label?: string;
  waited?: number;
  position?: number;
  blockedBy?: RawBlocker[];
  cycle?: RawStep[];
  limit?: number;
  what?: string;
  why?: string;
  token?: number;
  attempts?: number;
  conflicts?: RawStale[];
}

/** One instant of the lock table, as the core tells it. */
export interface RawQuery {
  held: {
    keys: KeyValue[];
    shared: KeyValue[];
    token: number;
    owner?: RawOwner;
    label?: string;
    age?: number;
    claimed: boolean;
  }[];
  pending: {
    keys: KeyValue[];
    shared: KeyValue[];
    owner?: RawOwner;
    label?: string;
    age?: number;
    position: number;
    blockedBy: RawBlocker[];
  }[];
}

/** The name of an owner. */
export interface RawOwner {
  id: string;
  label?: string;
}

/** One wait of a circle. */
export interface RawStep {
  key: KeyValue;
  owner?: RawOwner;
  label?: string;
}

/** A cell that did not have the version that a call had seen. */
export interface RawStale {
  key: KeyValue;
  expected: number;
  version: number;
}

/** Who stands in the way of a request on one key. */
export interface RawBlocker {
  key: KeyValue;
  owner?: RawOwner;
  label?: string;
  token?: number;
}

/**
 * What the core offers to JavaScript.
 *
 * - A call that can fail sets lane `Outcome` to `Failed` and keeps the error until {@link Native.failure} takes it.
 *   No call throws and none panics across the border.
 * - Every call marked *settles* reports in lane `Settled` and the entries after it what it settled for waiters of this
 *   thread, of any handle, in the order decided by the core. Granted entries are confirmed by the native side before they are
 *   reported, except those of requests made with `deferred`.
 */
export interface Native {
  /** Of a sub-space: where its keys are. Those that cross are keys of its space. */
  readonly inside?: Place;

  /** The shared lanes, {@link LANES} long. Read this property anew after each call: the array may be replaced. */
  readonly scratch: Float64Array;

  /**
   * Opens a space and answers its handle; 0 with outcome `Failed`. Handles are positive and never reused.
   * `url`: undefined for a private space. `clock`: 0 for the host's clock, else a manual clock. Limits: Infinity
   * for none. `codec`: the name that openings agree on. `ambientOwner`: they agree on it too. Throws where `meta` cannot be copied.
   */
  open(
    url: string | undefined,
    clock: number,
    maxWaiters: number,
    maxWaitersPerKey: number,
    meta: unknown,
    codec: string,
    ambientOwner: boolean,
  ): number;
  /** A copy of what whoever made the space said about it. */
  meta(handle: number): unknown;
  /** The space's epoch. */
  epoch(handle: number): number;
  /** Closes the handle: its waits fail, its grants are released. *Settles.* Afterwards the handle answers `closed`. */
  close(handle: number): void;

  /**
   * In: Handle, Slot, Generation. Asks for one or two keys, exclusive, no options. The hot path. *Settles*, but lane
   * `Settled` is written only where the outcome is not `Granted`: a request granted at once settles nothing for others.
   */
  lock(key: RawKey, second?: RawKey): void;
  /**
   * In: Handle, Slot, Generation, Owner, MaxHold, Timeout, Deferred. Asks for any set of keys. *Settles* as `lock` does.
   */
  lockWith(exclusive: RawKeys, shared: RawKeys, label: string | undefined): void;
  /** In: Handle. Takes the keys now, or answers `Refused`. *Settles*, but lane `Settled` is written only with `Failed`. */
  tryLock(key: RawKey, second?: RawKey): void;
  /** In: Handle, Owner, MaxHold. Takes any set of keys now, or answers `Refused`. *Settles* as `tryLock` does. */
  tryLockWith(exclusive: RawKeys, shared: RawKeys, label: string | undefined): void;
  /** In: Handle, Place, Number. Gives the grant back. *Settles.* */
  release(): void;
  /** In: Handle, Place, Number. Withdraws a request, or a grant that is not confirmed. *Settles.* */
  cancel(): void;
  /** In: Handle, Place, Number. The caller has seen the grant. */
  confirm(): void;
  /** In: Handle, Place, Number. `Granted` while the grant stands, else `Refused`. */
  held(): void;
  /** In: Handle, Place, Number. Releases some keys of the grant. *Settles.* */
  releaseKeys(keys: RawKey[]): void;
  /** In: Handle, Place, Number. Makes these keys of the grant shared ones. *Settles.* */
  downgrade(keys: RawKey[]): void;
  /** In: Handle, Place, Number. Has {@link Outcome.Lost} told once; `Refused` where there is nothing to lose. */
  watchLost(watch: number): void;
  /**
   * In: Handle, Place, Number, which `aim` writes. Hands the grant over to the owner with this id, with a copy of the payload:
   * it is made first, since that can run code of the caller's. `Refused` where it was not delivered. Throws where the payload
   * cannot be copied. *Settles.*
   */
  handOver(to: string, payload: unknown, aim: () => void): void;
  /**
   * In: Handle, Place, Number, Token. What the grant is, where it resolved a request and was handed over; of its keys those in
   * the sub-space under these prefixes.
   */
  takeHanded(within?: RawKey[]): RawHanded | null | undefined;
  /** As `takeHanded`, the next grant that was handed over to an owner. Out: Place, Number, Token, Outcome. */
  takeHandedOver(handle: number, owner: number, within?: RawKey[]): RawHanded | null | undefined;
  /** Has {@link Outcome.HandedOver} told once. */
  watchHandedOver(handle: number, owner: number, watch: number): void;
  /**
   * In: Handle. Takes one key at once, exclusively: away from whoever holds it, before all who are queued for it. Out: Place,
   * Number, Token. *Settles.*
   */
  steal(key: RawKey, label: string | undefined): void;
  /** Takes keys away from whoever holds them; answers how many guards were lost; outcome `Failed`. *Settles.* */
  revoke(handle: number, keys: RawKey[]): number;
  /** In: Handle. Reports (more of) what was settled. *Settles.* */
  drain(): void;

  /** Makes an owner in the space; answers its number, positive and never reused, 0 with outcome `Failed`. */
  owner(handle: number, label: string | undefined): number;
  /** The id of an owner. */
  ownerId(owner: number): string | null | undefined;
  /** In: Handle, Place, Number. Gives the grant, which has none, an owner; answers its number. */
  adopt(): number;
  /** Ends an owner; answers how many locks and waits that ended. *Settles.* */
  closeOwner(handle: number, owner: number): number;
  /** The number is not used any more. */
  forgetOwner(owner: number): void;

  /** Tells what is due in the space. *Settles.* */
  tick(handle: number): void;
  /**
   * Milliseconds until something is due that this thread has to tell by {@link Native.tick}; Infinity for nothing. What threads
   * share is told by a thread of the addon.
   */
  nextDeadline(handle: number): number;
  /**
   * Held and pending at one instant, of everything or of these keys; nothing with outcome `Failed`. `within`: of that what is in
   * the sub-space under these prefixes, the outermost first.
   */
  query(handle: number, keys: RawKey[] | undefined, within?: RawKey[]): RawQuery | null | undefined;

  /**
   * The canonical encoding of a key, a fresh array; of a key of the sub-space under these prefixes as a key of its space.
   * Nothing with outcome `Failed`.
   */
  encode(key: KeyValue, within?: RawKey[]): Uint8Array | null | undefined;
  /** The key that these canonical bytes mean, of the sub-space under these prefixes; nothing with outcome `Failed`. */
  decode(encoded: Uint8Array, within?: RawKey[]): KeyValue | null | undefined;
  /**
   * What a request for these keys asks for: each key once, a key in both modes exclusive, as keys of the sub-space under these
   * prefixes. Nothing with `Failed`.
   */
  keySet(
    exclusive: RawKey[],
    shared: RawKey[],
    within?: RawKey[],
  ): { keys: KeyValue[]; shared: KeyValue[] } | null | undefined;
  /** Takes the oldest error that was not taken yet, as the sub-space under these prefixes tells it. */
  failure(within?: RawKey[]): Failure;

  /**
   * A clock that moves only by {@link Native.advance}; for tests. Answers its number, positive; 0 with outcome `Failed`.
   * Those of one name are one clock, in all threads that share spaces.
   */
  manualClock(name: string | undefined): number;
  /** What a manual clock shows, in milliseconds. */
  now(clock: number): number;
  /** Moves a manual clock on. */
  advance(clock: number, milliseconds: number): void;

  /** What cells need, loaded where it was not. */
  cells(): NativeCells | Promise<NativeCells>;
}
