/**
 * Sub-spaces: the border of a space as a sub-space sees it. Its keys become keys of the space there, and come back there.
 *
 * @internal
 */

import { must } from "./error.js";
import { encodedKey } from "./key.js";
import type { Native } from "./native.js";

/** Where the keys of a sub-space are. */
export interface Place {
  /** The border of the space. */
  readonly outer: Native;
  /** The prefixes as they cross, the outermost first. */
  readonly prefixes: Uint8Array[];
}

/** The calls that keys go in and come out by. They take the prefixes after their other arguments. */
const CALLS = ["encode", "decode", "keySet", "takeHanded", "takeHandedOver", "query", "failure"] as const;

/** The border for the sub-space under a prefix. Throws where that is no key. */
export function within(native: Native, prefix: unknown): Native {
  const { outer = native, prefixes: before = [] } = native.inside ?? {};
  const encoded = encodedKey(outer, prefix, "prefix");
  // A turn is no key.
  must(encoded[0] !== 0x70, "prefix", "a key");
  const prefixes = [...before, encoded];
  const inside = Object.create(outer);
  inside.inside = { outer, prefixes };
  for (const name of CALLS) {
    const call = outer[name] as (...given: unknown[]) => unknown;
    inside[name] = (...given: unknown[]) => call(...given, prefixes);
  }
  return inside;
}
