/**
 * How requests are made, for a space and for its owners.
 *
 * @internal
 */

import { type Asked, isLimited, KeySet, labelOf, Pair } from "./asked.js";
import { takeError } from "./error.js";
import { Guard } from "./guard.js";
import { type Keys, rawKey } from "./key.js";
import { Lane, Outcome, whole } from "./native.js";
import { lockOptions, tryLockOptions } from "./options.js";
import type { Owner } from "./owner.js";
import { placed } from "./placed.js";
import { settle } from "./settle.js";
import type { Space } from "./space.js";
import { AbortableWaiter, Waiter } from "./waits.js";

/** `lock`, of the space or of this owner. */
export function lockFor(space: Space, keys: Keys, options: unknown, owner: Owner | undefined): Promise<Guard> {
  try {
    const got = request(space, keys, options, owner, false);
    if (got instanceof Guard) return Promise.resolve(got);
    return got instanceof Waiter ? (got.promise as Promise<Guard>) : got;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** `tryLock`, of the space or of this owner. */
export function tryLockFor(
  space: Space,
  keys: Keys,
  options: unknown,
  owner: Owner | undefined,
): Promise<Guard | null> {
  try {
    return Promise.resolve(tryRequest(space, keys, options, owner));
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Asks for the keys: a guard where they were free, else who waits for one. Throws where that cannot be. `scoped`: for
 * `withLock`.
 */
export function request(
  space: Space,
  keys: Keys,
  options: unknown,
  owner: Owner | undefined,
  scoped: boolean,
): Guard | Waiter | Promise<Guard> {
  if (options !== undefined || owner !== undefined || space.ambient !== undefined) {
    return requestWith(space, keys, options, owner, scoped);
  }
  const { native } = space;
  if (typeof keys === "string") {
    aim(space);
    native.lock(keys);
    return answer(space, keys, keys, undefined, false, scoped);
  }
  if (isPair(keys)) {
    const [first, second] = keys;
    aim(space);
    native.lock(first, second);
    return answer(space, new Pair(first, second), keys, undefined, false, scoped);
  }
  if (typeof keys !== "object") {
    const key = rawKey(native, keys, "keys");
    aim(space);
    native.lock(key);
    return answer(space, key, keys, undefined, false, scoped);
  }
  return requestWith(space, keys, undefined, undefined, scoped);
}

function requestWith(
  space: Space,
  keys: Keys,
  options: unknown,
  own: Owner | undefined,
  scoped: boolean,
): Guard | Waiter | Promise<Guard> {
  const { native } = space;
  const checked = lockOptions(native, keys, options, own);
  const { exclusive, shared, more, label, maxHold, timeout, signal } = checked;
  const owner = checked.owner ?? ambientOwner(space);
  // A reason can be anything, so it cannot be told from an error by its type: it rejects, it is not thrown.
  if (signal?.aborted) return Promise.reject(signal.reason);
  const asked = new KeySet(exclusive, shared, label, owner, maxHold !== Number.POSITIVE_INFINITY);
  aim(space);
  native.lockWith(exclusive, shared, label, owner?.number ?? 0, maxHold, timeout, signal === undefined ? 0 : 1);
  const timed = timeout !== Number.POSITIVE_INFINITY;
  return signal === undefined
    ? answer(space, asked, keys, more, timed, scoped)
    : answerAbortable(space, asked, keys, more, timed, scoped, signal);
}

function tryRequest(space: Space, keys: Keys, options: unknown, own: Owner | undefined): Guard | null {
  const { native } = space;
  let asked: Asked;
  let more: unknown;
  if (options === undefined && own === undefined && space.ambient === undefined && typeof keys !== "object") {
    asked = rawKey(native, keys, "keys");
    native.scratch[Lane.Handle] = space.handle;
    native.tryLock(asked);
  } else {
    const checked = tryLockOptions(native, keys, options, own);
    const { exclusive, shared, label, maxHold, more: given } = checked;
    const owner = checked.owner ?? ambientOwner(space);
    asked = new KeySet(exclusive, shared, label, owner, maxHold !== Number.POSITIVE_INFINITY);
    more = given;
    native.scratch[Lane.Handle] = space.handle;
    native.tryLockWith(exclusive, shared, label, owner?.number ?? 0, maxHold);
  }
  if (native.scratch[Lane.Outcome] === Outcome.Refused) return null;
  return answer(space, asked, keys, more, false, false) as Guard;
}

/** What became of the request just made. `keys` and `more`: as the caller gave them, to say which was refused. */
function answer(
  space: Space,
  asked: Asked,
  keys: Keys,
  more: unknown,
  timed: boolean,
  scoped: boolean,
): Guard | Waiter {
  const { scratch } = space.native;
  const outcome = scratch[Lane.Outcome];
  if (outcome === Outcome.Granted) {
    const guard = new Guard(
      space,
      asked,
      whole(scratch[Lane.Place]),
      whole(scratch[Lane.Number]),
      whole(scratch[Lane.Token]),
      false,
    );
    if (isLimited(asked)) space.timer.limited();
    return guard;
  }
  if (outcome === Outcome.Failed) fail(space, asked, keys, more);
  return wait(space, new Waiter(space, asked, timed, scoped));
}

function answerAbortable(
  space: Space,
  asked: Asked,
  keys: Keys,
  more: unknown,
  timed: boolean,
  scoped: boolean,
  signal: AbortSignal,
): Waiter | Promise<Guard> {
  const { scratch } = space.native;
  if (scratch[Lane.Outcome] === Outcome.Waiting) {
    const place = whole(scratch[Lane.Place]);
    const number = whole(scratch[Lane.Number]);
    return wait(space, new AbortableWaiter(space, asked, timed, scoped, signal, place, number));
  }
  return claimNext(answer(space, asked, keys, more, timed, scoped) as Guard, signal);
}

function wait(space: Space, waiter: Waiter): Waiter {
  space.waits.add(waiter);
  if (waiter.timed) space.timer.added();
  settle(space.native, space.handle);
  return waiter;
}

/** A grant at once with a signal: also put off by one microtask, and an abort before that wins (clause L7). */
async function claimNext(guard: Guard, signal: AbortSignal): Promise<Guard> {
  await undefined;
  if (signal.aborted) {
    guard[Symbol.dispose]();
    throw signal.reason;
  }
  return guard;
}

function fail(space: Space, asked: Asked, keys: Keys, more: unknown): never {
  const error = takeError(space.native, labelOf(asked));
  settle(space.native, space.handle);
  throw placed(space.native, error, keys, more);
}

/** The owner of the body that runs, in a space that looks for it; a task that outlives its body has none. */
function ambientOwner({ ambient }: Space): Owner | undefined {
  const owner = ambient?.getStore();
  return owner?.closed ? undefined : owner;
}

/** Says for which space the next call is, and where its waiter would be. */
function aim(space: Space): void {
  const { scratch } = space.native;
  scratch[Lane.Handle] = space.handle;
  scratch[Lane.Slot] = space.waits.slot;
  scratch[Lane.Generation] = space.waits.generation;
}

/** Two string keys: the sets that are asked for most. */
function isPair(keys: Keys): keys is readonly [string, string] {
  return Array.isArray(keys) && keys.length === 2 && typeof keys[0] === "string" && typeof keys[1] === "string";
}
