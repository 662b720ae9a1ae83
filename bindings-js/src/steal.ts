import { KeySet } from "./asked.js";
import { Guard } from "./guard.js";
import { type Key, rawKey } from "./key.js";
import { Lane, Outcome, whole } from "./native.js";
import { failureOf, settle } from "./settle.js";
import type { Space } from "./space.js";

/**
 * Takes one key at once, exclusively: away from whoever holds it, and before all who are queued for it.
 *
 * @internal
 */
export function steal(space: Space, key: Key, label: string): Guard {
  const { native, handle } = space;
  const raw = rawKey(native, key, "key");
  native.scratch[Lane.Handle] = handle;
  native.steal(raw, label);
  const { scratch } = native;
  if (scratch[Lane.Outcome] === Outcome.Failed) {
    throw failureOf(space);
  }
  const [place, number, token] = [whole(scratch[Lane.Place]), whole(scratch[Lane.Number]), whole(scratch[Lane.Token])];
  const guard = new Guard(space, new KeySet(raw, undefined, label), place, number, token, false);
  settle(space);
  return guard;
}
