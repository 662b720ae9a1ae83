/**
 * Scoped use: a body that runs while its lock is held (clause L10).
 *
 * @internal
 */

import { must } from "./error.js";
import { beginScope, endScope, Guard } from "./guard.js";
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
    const got = request(space, keys, isPlain ? undefined : second, owner, true);
    return got instanceof Guard ? run(got, body) : runWhenGranted(got, body);
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Runs a body that holds its lock. Two closures on the body's own promise cost less than an async function around it, which
 * would have a promise of its own to wait for it.
 */
function run<T>(guard: Guard, body: Body<T>): Promise<T> {
  let result: Promise<T>;
  beginScope(guard);
  try {
    const { ambient } = guard.space;
    // The body's own promise; one for a value, or for a promise of any other kind.
    result = Promise.resolve(ambient === undefined ? body(guard) : ambient.run(guard, body));
  } catch (error) {
    endScope(guard);
    return Promise.reject(error);
  }
  // A `then` that somebody has put on it is of no account, as to `await`.
  return Promise.prototype.then.call(
    result,
    (value: T) => {
      endScope(guard);
      return value;
    },
    (error: unknown) => {
      endScope(guard);
      throw error;
    },
  ) as Promise<T>;
}

/**
 * Runs a body once its request is granted. Apart from the call that made the request, since a closure there would cost every
 * call the memory for what it holds, also those that never wait.
 */
function runWhenGranted<T>(got: Waiter | Promise<Guard>, body: Body<T>): Promise<T> {
  if (!(got instanceof Waiter)) return got.then((guard) => run(guard, body));
  return got.promise.then(() => run(got.grant as Guard, body));
}
