import { type Asked, KeySet, labelOf, Pair } from "./asked.js";
import { ManualClock } from "./clock.js";
import { invalid, type LatchworkError, takeError } from "./error.js";
import { Guard } from "./guard.js";
import { type Inspect, inspected } from "./inspect.js";
import { type Keys, rawKey, rawKeys, refusedKey } from "./key.js";
import { Lane, type Native, Outcome, whole } from "./native.js";
import { type LockOptions, lockOptions, type TryLockOptions, tryLockOptions } from "./options.js";
import { type Query, queryOf } from "./query.js";
import { closed, opened, settle } from "./settle.js";
import { Timer } from "./timer.js";
import { AbortableWaiter, Waiter, Waits } from "./waits.js";

/** What runs while a lock is held. */
export type Body<T> = (guard: Guard) => T | PromiseLike<T>;

/**
 * A set of keys with their queues. From `open`.
 *
 * Requests that share a key are served in the order in which they came; requests without a common key never wait for each
 * other directly. A request for several keys gets them all in one step and holds nothing while it waits, so single
 * requests cannot deadlock and large sets do not starve. The price: a free key is reserved for an earlier request that still
 * waits for another.
 *
 * Locks taken **one inside the other** can deadlock, whatever the order of their keys. Ask for all keys at once.
 */
export class Space implements AsyncDisposable {
  /** New, and larger, in each life of the space. Where a fencing token is kept, it is to be kept beside it. */
  readonly epoch: number;
  /** @internal */
  readonly url: string | undefined;
  /** @internal */
  readonly native: Native;
  /** @internal */
  readonly handle: number;
  /** @internal */
  readonly clock: ManualClock | undefined;
  /** @internal */
  readonly waits = new Waits();
  /** @internal */
  readonly timer = new Timer(this);
  /** @internal */
  closed = false;

  /** @internal */
  constructor(native: Native, handle: number, url: string | undefined, clock: ManualClock | undefined) {
    this.native = native;
    this.handle = handle;
    this.url = url;
    this.clock = clock;
    this.epoch = native.epoch(handle);
    opened(this);
    if (clock !== undefined) ManualClock.attach(clock, this);
  }

  /**
   * Waits until all the keys can be had at once, and takes them.
   *
   * The request joins the queues **at the call**, not when the promise is awaited. Prefer {@link withLock}, or
   * `using guard = await space.lock(…)`: a guard that is forgotten, or a promise that nobody awaits, keeps its keys for
   * ever.
   *
   * Rejects with `timeout`, `closed` or `invalid`, or with the reason of the signal.
   *
   * @example
   * using guard = await space.lock(["sender", "receiver"], { timeout: 500 });
   */
  lock(keys: Keys, options?: LockOptions): Promise<Guard> {
    try {
      const got = this.#request(keys, options, false);
      if (got instanceof Guard) return Promise.resolve(got);
      return got instanceof Waiter ? (got.promise as Promise<Guard>) : got;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes all the keys if they can be had at once; otherwise answers null. Never waits, and never overtakes a request that
   * waits.
   *
   * Rejects with `closed` or `invalid`.
   */
  tryLock(keys: Keys, options?: TryLockOptions): Promise<Guard | null> {
    try {
      return Promise.resolve(this.#tryRequest(keys, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Runs `body` while it holds the keys, and releases them when it has returned, thrown or its promise has settled.
   *
   * Answers what the body answers, or rejects with the body's own error, whatever happened to the guard inside. Where the
   * keys are free the body starts before this call returns. Other rejections are those of {@link lock}; the body has not run
   * then.
   *
   * @example
   * const pages = await space.withLock(`document/${id}`, async () => {
   *   const document = await load(id);
   *   document.pages.push(page);
   *   await save(id, document);
   *   return document.pages.length;
   * });
   */
  withLock<T>(keys: Keys, body: Body<T>): Promise<T>;
  withLock<T>(keys: Keys, options: LockOptions | undefined, body: Body<T>): Promise<T>;
  withLock<T>(keys: Keys, second: LockOptions | undefined | Body<T>, third?: Body<T>): Promise<T> {
    try {
      if (typeof second === "function" && third === undefined) return this.#scope(keys, undefined, second);
      if (typeof third !== "function") throw invalid("body", "must be a function");
      return this.#scope(keys, second as LockOptions | undefined, third);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * What is held and what waits at one instant: on these keys, or everywhere.
   *
   * Without keys it looks at everything, and every other operation of the space waits for that. It disturbs nothing.
   */
  async query(keys?: Keys): Promise<Query> {
    const { native } = this;
    const raw = keys === undefined ? undefined : rawKeys(native, keys, "keys");
    const query = native.query(this.handle, raw);
    if (query) return queryOf(query);
    throw this.#placed(takeError(native), keys, undefined);
  }

  /**
   * Ends this opening of the space: its waits fail with `closed`, its guards are released. Closing again does nothing.
   *
   * A space with a name ends with its last opening.
   */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { native, handle } = this;
    native.close(handle);
    settle(native, handle);
    closed(this);
    if (this.clock !== undefined) ManualClock.detach(this.clock, this);
  }

  /** Closes the space. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What a log or debugger of Node shows. */
  [Symbol.for("nodejs.util.inspect.custom")](_depth: number, options: unknown, inspect?: Inspect): unknown {
    const { url, epoch, closed } = this;
    return inspected("Space", { ...(url !== undefined && { url }), epoch, closed }, options, inspect);
  }

  /**
   * Asks for the keys: a guard where they were free, else who waits for one. Throws where that cannot be. `scoped`: for
   * {@link withLock}.
   */
  #request(keys: Keys, options: LockOptions | undefined, scoped: boolean): Guard | Waiter | Promise<Guard> {
    const { native } = this;
    if (typeof keys === "string" && options === undefined) {
      this.#aim();
      native.lock(keys);
      return this.#answer(keys, keys, undefined, false, scoped);
    }
    if (options === undefined && isPair(keys)) {
      const [first, second] = keys;
      this.#aim();
      native.lock(first, second);
      return this.#answer(new Pair(first, second), keys, undefined, false, scoped);
    }
    if (options === undefined && typeof keys !== "object") {
      const key = rawKey(native, keys, "keys");
      this.#aim();
      native.lock(key);
      return this.#answer(key, keys, undefined, false, scoped);
    }
    return this.#requestWith(keys, options, scoped);
  }

  #requestWith(keys: Keys, options: LockOptions | undefined, scoped: boolean): Guard | Waiter | Promise<Guard> {
    const { native } = this;
    const { exclusive, shared, more, label, timeout, signal } = lockOptions(native, keys, options);
    // A reason can be anything, so it cannot be told from an error by its type: it rejects, it is not thrown.
    if (signal?.aborted) return Promise.reject(signal.reason);
    const asked = new KeySet(exclusive, shared, label);
    this.#aim();
    native.lockWith(exclusive, shared, label, timeout, signal === undefined ? 0 : 1);
    const timed = timeout !== Number.POSITIVE_INFINITY;
    return signal === undefined
      ? this.#answer(asked, keys, more, timed, scoped)
      : this.#answerAbortable(asked, keys, more, timed, scoped, signal);
  }

  /** What became of the request just made. `keys` and `more`: as the caller gave them, to say which was refused. */
  #answer(asked: Asked, keys: Keys, more: unknown, timed: boolean, scoped: boolean): Guard | Waiter {
    const { scratch } = this.native;
    const outcome = scratch[Lane.Outcome];
    if (outcome === Outcome.Granted) {
      return new Guard(
        this,
        asked,
        whole(scratch[Lane.Place]),
        whole(scratch[Lane.Number]),
        whole(scratch[Lane.Token]),
        false,
      );
    }
    if (outcome === Outcome.Failed) this.#fail(asked, keys, more);
    return this.#wait(new Waiter(this, asked, timed, scoped));
  }

  #answerAbortable(
    asked: Asked,
    keys: Keys,
    more: unknown,
    timed: boolean,
    scoped: boolean,
    signal: AbortSignal,
  ): Waiter | Promise<Guard> {
    const { scratch } = this.native;
    if (scratch[Lane.Outcome] === Outcome.Waiting) {
      const place = whole(scratch[Lane.Place]);
      const number = whole(scratch[Lane.Number]);
      return this.#wait(new AbortableWaiter(this, asked, timed, scoped, signal, place, number));
    }
    return claimNext(this.#answer(asked, keys, more, timed, scoped) as Guard, signal);
  }

  #wait(waiter: Waiter): Waiter {
    this.waits.add(waiter);
    if (waiter.timed) this.timer.added();
    settle(this.native, this.handle);
    return waiter;
  }

  #fail(asked: Asked, keys: Keys, more: unknown): never {
    const error = takeError(this.native, labelOf(asked));
    settle(this.native, this.handle);
    throw this.#placed(error, keys, more);
  }

  /** The same error; where the core refused a key, it says which of those that the caller gave. */
  #placed(error: LatchworkError, keys: unknown, more: unknown): LatchworkError {
    if (error.what !== "key") return error;
    return refusedKey(this.native, keys, "keys") ?? refusedKey(this.native, more ?? [], "shared") ?? error;
  }

  #tryRequest(keys: Keys, options: TryLockOptions | undefined): Guard | null {
    const { native } = this;
    let asked: Asked;
    let more: unknown;
    if (options === undefined && typeof keys !== "object") {
      asked = rawKey(native, keys, "keys");
      native.scratch[Lane.Handle] = this.handle;
      native.tryLock(asked);
    } else {
      const { exclusive, shared, label, more: given } = tryLockOptions(native, keys, options);
      asked = new KeySet(exclusive, shared, label);
      more = given;
      native.scratch[Lane.Handle] = this.handle;
      native.tryLockWith(exclusive, shared, label);
    }
    if (native.scratch[Lane.Outcome] === Outcome.Refused) return null;
    return this.#answer(asked, keys, more, false, false) as Guard;
  }

  #scope<T>(keys: Keys, options: LockOptions | undefined, body: Body<T>): Promise<T> {
    const got = this.#request(keys, options, true);
    if (got instanceof Guard) return run(got, body);
    return got instanceof Waiter ? runWhenGranted(got, body) : runWith(got, body);
  }

  /** Says for which space the next call is, and where its waiter would be. */
  #aim(): void {
    const { scratch } = this.native;
    scratch[Lane.Handle] = this.handle;
    scratch[Lane.Slot] = this.waits.slot;
    scratch[Lane.Generation] = this.waits.generation;
  }
}

/** Two string keys: the sets that are asked for most. */
function isPair(keys: Keys): keys is readonly [string, string] {
  return Array.isArray(keys) && keys.length === 2 && typeof keys[0] === "string" && typeof keys[1] === "string";
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

/**
 * Runs a body that holds its lock (clause L10). Two closures on the body's own promise cost less than an async function
 * around it, which would have a promise of its own to wait for it.
 */
function run<T>(guard: Guard, body: Body<T>): Promise<T> {
  let result: T | PromiseLike<T>;
  try {
    result = body(guard);
  } catch (error) {
    guard[Symbol.dispose]();
    return Promise.reject(error);
  }
  if (result instanceof Promise && result.constructor === Promise) {
    return result.then(
      (value: T) => {
        guard[Symbol.dispose]();
        return value;
      },
      (error: unknown) => {
        guard[Symbol.dispose]();
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
    guard[Symbol.dispose]();
  }
}
