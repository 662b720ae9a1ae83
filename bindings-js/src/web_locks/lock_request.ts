/**
 * The life of one request of the Web Locks API: it waits, its callback runs in a task of its own, and what that answers
 * releases the lock when it settles.
 *
 * @internal
 */

import { invalid, LatchworkError } from "../error.js";
import { type Guard, watchLost } from "../guard.js";
import { type Abortable, forget, listen } from "../signals.js";
import type { Space } from "../space.js";
import { steal } from "../steal.js";
import { clientId } from "./client_id.js";
import { type Lock, makeLock } from "./lock.js";
import { keyOfName } from "./name.js";
import type { RequestArguments } from "./request_arguments.js";
import { enqueue } from "./task.js";

/** Makes a request. Settles as its callback does, or rejects where that does not run or the lock is taken away. */
export function startRequest(space: Space, given: RequestArguments): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = new LockRequest(given, resolve, reject);
    acquire(space, given).then(
      (guard) => request.granted(guard),
      (error) => reject(aboutName(error)),
    );
  });
}

/** The lock; null where it is not available. */
function acquire(
  space: Space,
  { name, mode, ifAvailable, steal: stolen, signal }: RequestArguments,
): Promise<Guard | null> {
  const key = keyOfName(name);
  const label = clientId();
  if (signal !== undefined) return space.lock(key, { mode, label, signal });
  // With a signal a grant is told one microtask later. Here too, so that callbacks run in the order of the grants.
  return granted().then((guard) => guard);

  function granted(): Promise<Guard | null> {
    if (stolen) return new Promise((resolve) => resolve(steal(space, key, label)));
    return ifAvailable ? space.tryLock(key, { mode, label }) : space.lock(key, { mode, label });
  }
}

class LockRequest implements Abortable {
  readonly #given: RequestArguments;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  /** From the grant until the callback runs. */
  #guard: Guard | undefined;

  constructor(given: RequestArguments, resolve: (value: unknown) => void, reject: (reason: unknown) => void) {
    this.#given = given;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The lock is there, or is not available. */
  granted(guard: Guard | null): void {
    if (guard === null) {
      enqueue(() => this.#resolve(this.#call(null)));
      return;
    }
    const { signal } = this.#given;
    this.#guard = guard;
    if (signal?.aborted) {
      this.abort(signal.reason);
      return;
    }
    watchLost(guard, () => this.#reject(new DOMException("the lock was taken away", "AbortError")));
    if (signal !== undefined) listen(signal, this);
    enqueue(() => this.#run());
  }

  /** The signal was aborted before the callback has run. */
  abort(reason: unknown): void {
    this.#guard?.[Symbol.dispose]();
    this.#guard = undefined;
    this.#reject(reason);
  }

  #run(): void {
    const guard = this.#guard;
    if (guard === undefined) return;
    this.#guard = undefined;
    const { name, mode, signal } = this.#given;
    if (signal !== undefined) forget(signal, this);
    this.#call(makeLock(name, mode)).then(
      (value) => {
        guard[Symbol.dispose]();
        this.#resolve(value);
      },
      (error) => {
        guard[Symbol.dispose]();
        this.#reject(error);
      },
    );
  }

  /** What the callback answers, as a promise. */
  #call(lock: Lock | null): Promise<unknown> {
    const { callback } = this.#given;
    return new Promise((resolve) => resolve(callback(lock)));
  }
}

/** The same error; where the core refused the key, it says so of the name. */
function aboutName(error: unknown): unknown {
  const { code, why } = error as Partial<LatchworkError>;
  return error instanceof LatchworkError && code === "invalid" ? invalid("name", why as string) : error;
}
