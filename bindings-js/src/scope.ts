/**
 * Scoped use: a body that runs while its lock is held (clause L10).
 *
 * @internal
 */

import { must } from "./error.js";
import { Guard } from "./guard.js";
import type { Keys } from "./key.js";
import type { Owner } from "./owner.js";
import { request } from "./request.js";
import type { Space } from "./space.js";
import { Waiter } from "./waits.js";

/** What runs while a lock is held. */
export type Body<T> = (guard: Guard) => T | PromiseLike<T>;

/** `withLock`, of the space or of this owner. */
export function withLockFor<T>(
  space: Space,
  keys: Keys,
  second: unknown,
  third: Body<T> | undefined,
  owner: Owner | undefined,
): Promise<T> {
  try {
    const isPlain = third === undefined && typeof second === "function";
    const body = isPlain ? (second as Body<T>) : third;
    must(typeof body === "function", "body", "a function");
    return scope(space, keys, isPlain ? undefined : second, owner, body);
  } catch (error) {
    return Promise.reject(error);
  }
}

function scope<T>(space: Space, keys: Keys, options: unknown, owner: Owner | undefined, body: Body<T>): Promise<T> {
  const got = request(space, keys, options, owner, true);
  if (got instanceof Guard) return run(got, body);
  return got instanceof Waiter ? runWhenGranted(got, body) : runWith(got, body);
}

/**
 * Runs a body that holds its lock. Two closures on the body's own promise cost less than an async function around it, which
 * would have a promise of its own to wait for it.
 */
function run<T>(guard: Guard, body: Body<T>): Promise<T> {
  let result: Promise<T>;
  Guard.begin(guard);
  try {
    const { ambient } = guard.space;
    // The body's own promise; one for a value, or for a promise of any other kind.
    result = Promise.resolve(ambient === undefined ? body(guard) : ambient.run(guard, body));
  } catch (error) {
    Guard.end(guard);
    return Promise.reject(error);
  }
  return result.then(
    (value: T) => {
      Guard.end(guard);
      return value;
    },
    (error: unknown) => {
      Guard.end(guard);
      throw error;
    },
  );
}

/**
 * Runs a body once its request is granted. Apart from the call that made the request, since a closure there would cost every
 * call the memory for what it holds, also those that never wait.
 */
function runWhenGranted<T>(waiter: Waiter, body: Body<T>): Promise<T> {
  return waiter.promise.then(() => run(waiter.guard as Guard, body));
}

function runWith<T>(granted: Promise<Guard>, body: Body<T>): Promise<T> {
  return granted.then((guard) => run(guard, body));
}
