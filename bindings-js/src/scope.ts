/**
 * Scoped use: a body that runs while its lock is held (clause L10).
 *
 * @internal
 */

import { invalid } from "./error.js";
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
    if (typeof second === "function" && third === undefined) {
      return scope(space, keys, undefined, owner, second as Body<T>);
    }
    if (typeof third !== "function") throw invalid("body", "must be a function");
    return scope(space, keys, second, owner, third);
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
  let result: T | PromiseLike<T>;
  Guard.begin(guard);
  try {
    result = guard.space.ambient === undefined ? body(guard) : guard.space.ambient.run(guard, body);
  } catch (error) {
    Guard.end(guard);
    return Promise.reject(error);
  }
  if (result instanceof Promise && result.constructor === Promise) {
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
  return settled(guard, result);
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

/** Waits for what a body answered: a value, or a promise of any other kind. */
async function settled<T>(guard: Guard, result: T | PromiseLike<T>): Promise<T> {
  try {
    return await result;
  } finally {
    Guard.end(guard);
  }
}
