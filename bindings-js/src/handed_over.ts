/**
 * The guards that are handed over to an owner, one after the other.
 *
 * @internal
 */

import { type Guard, nextHandedOver } from "./guard.js";
import type { Owner } from "./owner.js";

/** Ends when the owner or its space is closed, or the loop over it is left: then a wait that is under way ends too. */
export class HandedOver implements AsyncIterableIterator<Guard> {
  readonly #owner: Owner;
  #left = false;
  #leave: () => void = () => {};
  readonly #leaving = new Promise<void>((resolve) => {
    this.#leave = resolve;
  });

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  async next(): Promise<IteratorResult<Guard, undefined>> {
    const owner = this.#owner;
    for (;;) {
      // Asked first, so that nothing is missed in between.
      const told = toldOf(owner);
      const guard = this.#left ? undefined : nextHandedOver(owner);
      if (guard !== undefined) return { value: guard, done: false };
      if (this.#left || owner.closed || owner.space.closed) return { value: undefined, done: true };
      await Promise.race([told, this.#leaving]);
    }
  }

  async return(): Promise<IteratorResult<Guard, undefined>> {
    this.#left = true;
    this.#leave();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** The core tells the last who asked, so all who wait for one owner wait for the same. */
const watched = new WeakMap<Owner, Promise<void>>();

function toldOf(owner: Owner): Promise<void> {
  const known = watched.get(owner);
  if (known !== undefined) return known;
  const { native, handle, watches } = owner.space;
  let watch = 0;
  const told = new Promise<void>((resolve) => {
    watch = watches.add(() => {
      watched.delete(owner);
      resolve();
    });
  });
  watched.set(owner, told);
  native.watchHandedOver(handle, owner.number, watch);
  return told;
}
