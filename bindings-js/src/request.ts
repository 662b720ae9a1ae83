/**
 * How requests are made, for a space and for its owners.
 *
 * @internal
 */

import { type Asked, isLimited, type KeySet, Pair, saidBy } from "./asked.js";
import { Guard } from "./guard.js";
import { type Keys, rawKey } from "./key.js";
import { Lane, Outcome, whole } from "./native.js";
import { askedWith } from "./options.js";
import type { Owner } from "./owner.js";
import { placed } from "./placed.js";
import { failureOf, settle } from "./settle.js";
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
export async function tryLockFor(
  space: Space,
  keys: Keys,
  options: unknown,
  own: Owner | undefined,
): Promise<Guard | null> {
  const { native } = space;
  let asked: Asked;
  if (options === undefined && own === undefined && space.plain && typeof keys !== "object") {
    asked = rawKey(native, keys, "keys");
    native.scratch[Lane.Handle] = space.handle;
    native.tryLock(asked);
  } else {
    const given = askedWith(native, keys, options, own, false);
    asked = space.ambient?.request(given) ?? given;
    native.scratch[Lane.Handle] = space.handle;
    say(space, asked);
    native.tryLockWith(asked.exclusive, asked.shared, asked.label);
  }
  if (native.scratch[Lane.Outcome] === Outcome.Refused) return null;
  return answer(space, asked, keys, false) as Guard;
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
  if (options === undefined && owner === undefined && space.plain) {
    const { native } = space;
    if (typeof keys !== "object") {
      const key = rawKey(native, keys, "keys");
      aim(space);
      native.lock(key);
      return answer(space, key, keys, scoped);
    }
    if (isPair(keys)) {
      const [first, second] = keys;
      aim(space);
      native.lock(first, second);
      return answer(space, new Pair(first, second), keys, scoped);
    }
  }
  return requestWith(space, keys, options, owner, scoped);
}

function requestWith(
  space: Space,
  keys: Keys,
  options: unknown,
  own: Owner | undefined,
  scoped: boolean,
): Guard | Waiter | Promise<Guard> {
  const { native } = space;
  const given = askedWith(native, keys, options, own, true);
  const asked = space.ambient?.request(given) ?? given;
  const { signal } = asked;
  // A reason can be anything, so it cannot be told from an error by its type: it rejects, it is not thrown.
  if (signal?.aborted) return Promise.reject(signal.reason);
  aim(space);
  say(space, asked);
  native.lockWith(asked.exclusive, asked.shared, asked.label);
  return signal === undefined
    ? answer(space, asked, keys, scoped)
    : answerAbortable(space, asked, keys, scoped, signal);
}

/** What a request says besides its keys and its label. */
function say({ native: { scratch }, timer }: Space, { owner, maxHold, timeout, signal }: KeySet): void {
  timer.ends ||= maxHold < Number.POSITIVE_INFINITY;
  scratch[Lane.Owner] = owner === undefined ? 0 : owner.number;
  scratch[Lane.MaxHold] = maxHold;
  scratch[Lane.Timeout] = timeout;
  scratch[Lane.Deferred] = signal === undefined ? 0 : 1;
}

/** What became of the request just made. `keys`: as the caller gave them, to say which was refused. */
function answer(space: Space, asked: Asked, keys: Keys, scoped: boolean): Guard | Waiter {
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
  if (outcome === Outcome.Failed) {
    throw placed(space.native, failureOf(space), keys, saidBy(asked)?.more);
  }
  return wait(space, new Waiter(space, asked, scoped));
}

function answerAbortable(
  space: Space,
  asked: KeySet,
  keys: Keys,
  scoped: boolean,
  signal: AbortSignal,
): Waiter | Promise<Guard> {
  const { scratch } = space.native;
  if (scratch[Lane.Outcome] === Outcome.Waiting) {
    const place = whole(scratch[Lane.Place]);
    const number = whole(scratch[Lane.Number]);
    return wait(space, new AbortableWaiter(space, asked, scoped, signal, place, number));
  }
  return claimNext(answer(space, asked, keys, scoped) as Guard, signal);
}

function wait(space: Space, waiter: Waiter): Waiter {
  space.waits.add(waiter);
  if (waiter.timed) space.timer.added();
  if (space.native.scratch[Lane.Settled] !== 0) settle(space);
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
