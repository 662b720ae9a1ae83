/**
 * The guards that are handed over to an owner, one after the other.
 *
 * @internal
 */

import { type Guard, nextHandedOver } from "./guard.js";
import type { Owner } from "./owner.js";

/** Ends when the owner or its space is closed. */
export async function* handedOver(owner: Owner): AsyncGenerator<Guard, void, void> {
  for (;;) {
    // Asked first, so that nothing is missed in between.
    const told = toldOf(owner);
    const guard = nextHandedOver(owner);
    if (guard !== undefined) yield guard;
    else if (owner.closed || owner.space.closed) return;
    else await told;
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
