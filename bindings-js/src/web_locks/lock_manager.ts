import { invalid } from "../error.js";
import { Space } from "../space.js";
import { startRequest } from "./lock_request.js";
import { type LockGrantedCallback, type LockOptions, requestArguments } from "./request_arguments.js";
import { type LockManagerSnapshot, snapshot } from "./snapshot.js";
import { asInterface } from "./web_idl.js";

const OWN = Symbol();

let make: (space: Space) => LockManager;

/**
 * The Web Locks API over a space, from {@link lockManager}: `request` and `query` do what those of `navigator.locks` do, with
 * the same arguments, errors and order.
 *
 * A name is the key that `space.lock` takes for it, so both wait for each other. Unlike those of `space.withLock`, a callback
 * never starts inside the call; a name that begins with `-` is refused; and a lock can be stolen.
 */
export class LockManager {
  readonly #space: Space;

  private constructor(...[own, space]: [typeof OWN, Space]) {
    if (own !== OWN) throw new TypeError("a lock manager cannot be constructed; use lockManager(space)");
    this.#space = space;
  }

  /**
   * Waits for a lock, runs the callback while it is held, and releases it when what the callback answers has settled. The
   * promise settles likewise.
   *
   * Rejects with a `TypeError` or a `NotSupportedError` where the arguments cannot be what they must be, with the reason of the
   * signal, and with an `AbortError` where the lock is taken away while it is held: stolen, revoked, or with its space closed.
   * What the specification does not know is a `LatchworkError`: `closed` and `busy`.
   *
   * @example
   * await locks.request("report", async () => {
   *   await save(await load());
   * });
   */
  request<T>(name: string, callback: LockGrantedCallback<T>): Promise<Awaited<T>>;
  request<T>(name: string, options: LockOptions, callback: LockGrantedCallback<T>): Promise<Awaited<T>>;
  request(...given: unknown[]): Promise<unknown> {
    try {
      return startRequest(this.#space, requestArguments(given));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What is held and what waits at one instant: for logs and for tests. */
  async query(): Promise<LockManagerSnapshot> {
    return snapshot(this.#space);
  }

  static {
    make = (space) => new LockManager(OWN, space);
  }
}

asInterface(LockManager, "LockManager", ["request", "query"]);
// The arguments that it needs, as the web's interfaces count them.
Object.defineProperty(LockManager.prototype.request, "length", { value: 2 });

const managers = new WeakMap<Space, LockManager>();

/**
 * The Web Locks API over a space: of a space with a name, across all threads that open it.
 *
 * @throws {LatchworkError} `invalid` where it is not a space.
 *
 * @example
 * const locks = lockManager(await open("memory:app"));
 * await locks.request("leader", { ifAvailable: true }, async (lock) => {
 *   if (lock) await lead();
 * });
 */
export function lockManager(space: Space): LockManager {
  if (!(space instanceof Space)) throw invalid("space", "must be a space, from open()");
  const manager = managers.get(space) ?? make(space);
  managers.set(space, manager);
  return manager;
}
