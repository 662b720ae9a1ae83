import type { Hold, Wait } from "../query.js";
import type { Space } from "../space.js";
import type { LockMode } from "./lock.js";
import { nameOfKey } from "./name.js";

/** A lock that is held, or a request for one. */
export interface LockInfo {
  /** The name that was asked for. */
  name: string;
  /** The mode that was asked for. */
  mode: LockMode;
  /**
   * Names the page or thread that asked: each has its own. Of what was asked for without a lock manager it is the label, where
   * it has one.
   */
  clientId: string;
}

/** What is held and what waits, at one instant. */
export interface LockManagerSnapshot {
  /** The locks that are held; those of one name in the order in which they were granted. */
  held: LockInfo[];
  /** The requests that wait; those of one name in the order in which they will be granted. */
  pending: LockInfo[];
}

/**
 * What is held and what waits in a space, name by name. A key that is no name is left out.
 *
 * @internal
 */
export async function snapshot(space: Space): Promise<LockManagerSnapshot> {
  const { held, pending } = await space.query();
  const granted = [...held].sort((one, other) => one.token - other.token);
  return { held: granted.flatMap(infosOf), pending: pending.flatMap(infosOf) };
}

function infosOf({ keys, shared, label: clientId = "" }: Hold | Wait): LockInfo[] {
  const infos: LockInfo[] = [];
  const add = (mode: LockMode) => (key: (typeof keys)[number]) => {
    const name = nameOfKey(key);
    if (name !== undefined) infos.push({ name, mode, clientId });
  };
  keys.forEach(add("exclusive"));
  shared.forEach(add("shared"));
  return infos;
}
