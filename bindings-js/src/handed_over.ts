/**
 * The guards that are handed over to an owner, one after the other.
 *
 * @internal
 */

import { KeySet } from "./asked.js";
import { Guard, hand } from "./guard.js";
import type { Running } from "./later.js";
import { Lane, Outcome, whole } from "./native.js";
import type { Owner } from "./owner.js";

/** Ends when the owner or its space is closed, or the loop over it is left: then a wait that is under way ends too. */
export class HandedOver implements Running<Guard> {
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
      if (this.#left || owner.closed || owner.space.root.closed) return { value: undefined, done: true };
      await Promise.race([told, this.#leaving]);
    }
  }

  end(): void {
    this.#left = true;
    this.#leave();
  }
}

/** The next guard that was handed over to an owner and resolves no request of it. */
function nextHandedOver(owner: Owner): Guard | undefined {
  const { space } = owner;
  const { native, handle } = space;
  const handed = native.takeHandedOver(handle, owner.number);
  if (!handed) return undefined;
  const { scratch } = native;
  const [place, number, token] = [Lane.Place, Lane.Number, Lane.Token].map((lane) => whole(scratch[lane])) as [
    number,
    number,
    number,
  ];
  const abandoned = scratch[Lane.Outcome] === Outcome.Abandoned;
  const guard = new Guard(space, new KeySet(undefined, undefined, undefined, owner), place, number, token, abandoned);
  hand(guard, handed);
  return guard;
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
