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

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  async next(): Promise<IteratorResult<Guard, undefined>> {
    const owner = this.#owner;
    while (!this.#left) {
      // Asked first, so that nothing is missed in between.
      const told = toldOf(owner);
      const guard = nextHandedOver(owner);
      if (guard === undefined && !owner.closed && !owner.space.root.closed) {
        await told;
        continue;
      }
      tell(owner);
      return guard === undefined ? { value: guard, done: true } : { value: guard, done: false };
    }
    return { value: undefined, done: true };
  }

  end(): void {
    this.#left = true;
    tell(this.#owner);
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

/** A wait for something to be handed over. */
interface Wait {
  readonly told: Promise<void>;
  /** The number of the watch. */
  readonly watch: number;
}

/** The core tells the last who asked, so all who wait for one owner wait for the same. */
const waits = new WeakMap<Owner, Wait>();

function toldOf(owner: Owner): Promise<void> {
  const known = waits.get(owner);
  if (known !== undefined) return known.told;
  const { native, handle, watches } = owner.space;
  let watch = 0;
  const told = new Promise<void>((resolve) => {
    watch = watches.add(() => {
      waits.delete(owner);
      resolve();
    });
  });
  waits.set(owner, { told, watch });
  native.watchHandedOver(handle, owner.number, watch);
  return told;
}

/** Has all who wait look again: so what nobody waits for any more keeps nothing. */
function tell(owner: Owner): void {
  const wait = waits.get(owner);
  if (wait !== undefined) owner.space.watches.take(wait.watch)?.();
}
