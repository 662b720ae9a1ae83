import { takeError } from "./error.js";
import type { Guard } from "./guard.js";
import type { Keys } from "./key.js";
import { Later } from "./later.js";
import type { Native } from "./native.js";
import type { LockOptions, TryLockOptions } from "./options.js";
import { lockFor, tryLockFor } from "./request.js";
import { type Body, withLockFor } from "./scope.js";
import { settle } from "./settle.js";
import type { Space } from "./space.js";

/** What a lock of an owner can be told besides the keys. */
export type OwnLockOptions = Omit<LockOptions, "owner">;

/** What `tryLock` of an owner can be told besides the keys. */
export type OwnTryLockOptions = Omit<TryLockOptions, "owner">;

/**
 * One line of work, named explicitly: what it locks is its own, so that a wait for itself is refused instead of lasting for
 * ever. From `space.owner()`, or `guard.owner` inside `withLock`.
 *
 * A request of an owner fails at once with `deadlock` when it asks for a key that the owner has already, or when those it
 * would wait for wait, directly or through others, for the owner. What the owner holds stays held. The error's `cycle` says
 * who would wait for whom.
 *
 * Jobs that run side by side need an owner each: two requests of one owner for one key are a wait for itself.
 *
 * Calls belong to an owner only where they say so, never by where they are made. A forgotten owner keeps nothing but what
 * its guards hold; {@link close} ends it.
 *
 * @example
 * const checkout = space.owner("checkout");
 * const cart = await checkout.lock("cart");
 * await checkout.lock(["cart", "stock"]); // rejects with `deadlock`: it has the cart
 */
export class Owner implements AsyncDisposable {
  /** The space that it belongs to. */
  readonly space: Space;
  /** Its name for programs: no other owner has it, in whatever thread or process. */
  readonly id: string;
  /** Its name for people. */
  readonly label: string | undefined;
  /** Whether it was closed. */
  readonly closed: boolean = false;
  /** @internal */
  readonly number: number;

  /** @internal */
  constructor(space: Space, number: number, label: string | undefined) {
    const { native } = space;
    this.space = space;
    this.number = number;
    this.id = native.ownerId(number) as string;
    this.label = label;
    forgotten.register(this, { native, number });
  }

  /**
   * As `space.lock`, as a request of this owner.
   *
   * Rejects with `deadlock` where it would wait for its own owner, and with `cancelled` once the owner is closed, besides what
   * `space.lock` rejects with.
   */
  lock(keys: Keys, options?: OwnLockOptions): Promise<Guard> {
    return lockFor(this.space, keys, options, this);
  }

  /** As `space.tryLock`, as a request of this owner. Never a `deadlock`: it does not wait. */
  tryLock(keys: Keys, options?: OwnTryLockOptions): Promise<Guard | null> {
    return tryLockFor(this.space, keys, options, this);
  }

  /** As `space.withLock`, as a request of this owner. Other rejections are those of {@link lock}. */
  withLock<T>(keys: Keys, body: Body<T>): Promise<T>;
  withLock<T>(keys: Keys, options: OwnLockOptions | undefined, body: Body<T>): Promise<T>;
  withLock<T>(keys: Keys, second: OwnLockOptions | undefined | Body<T>, third?: Body<T>): Promise<T> {
    return withLockFor(this.space, keys, second, third, this);
  }

  /**
   * The guards that are handed over to this owner, in the order in which they were, other than those that resolve a request of
   * it. Ends when the owner is closed. To wait for one keeps no process alive.
   *
   * @example
   * for await (const guard of worker.handedOver) {
   *   using job = guard;
   *   await encode(job.payload);
   * }
   */
  get handedOver(): AsyncIterable<Guard> {
    return new Later(async () => new (await import("./handed_over.js")).HandedOver(this));
  }

  /**
   * Ends the owner: what it holds is released, what it waits for rejects with `cancelled`, and so does what it asks for from
   * now on. Answers how many locks and waits that ended. Closing again does nothing.
   */
  async close(): Promise<number> {
    return endOwner(this);
  }

  /** Closes the owner. */
  async [Symbol.asyncDispose](): Promise<void> {
    endOwner(this);
  }
}

/**
 * Closes an owner; answers how many locks and waits that ended.
 *
 * @internal
 */
export function endOwner(owner: Owner): number {
  const { native, handle } = owner.space;
  (owner as { closed: boolean }).closed = true;
  const ended = native.closeOwner(handle, owner.number);
  settle(owner.space);
  return ended;
}

/** Forgets the numbers of owners that nobody has any more. No lock depends on it. */
const forgotten = new FinalizationRegistry<{ native: Native; number: number }>(({ native, number }) => {
  native.forgetOwner(number);
});

/**
 * An owner that the native part has made.
 *
 * @internal
 */
export function numbered(space: Space, number: number, label: string | undefined): Owner {
  if (number === 0) throw takeError(space.native);
  return new Owner(space, number, label);
}
