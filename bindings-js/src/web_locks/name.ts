/**
 * Names of locks as keys.
 *
 * A name can be any string, also one with halves of surrogate pairs; a key cannot. So a name that is a text is that key, the
 * same that `space.lock` takes, and any other the bytes of its UTF-16. No two names have one key.
 *
 * @internal
 */

import { isBytes, type Key } from "../key.js";
import { isText } from "../text.js";

/** The key of a name. */
export function keyOfName(name: string): string | Uint8Array {
  if (isText(name)) return name;
  const bytes = new Uint8Array(name.length * 2);
  for (let at = 0; at < name.length; at++) bytes.set([name.charCodeAt(at) >> 8, name.charCodeAt(at)], at * 2);
  return bytes;
}

/** The name that has this key; undefined where no name has it. */
export function nameOfKey(key: Key): string | undefined {
  if (typeof key === "string") return key;
  if (!isBytes(key) || key.length % 2 !== 0) return undefined;
  let name = "";
  for (let at = 0; at < key.length; at += 2) {
    name += String.fromCharCode(((key[at] as number) << 8) | (key[at + 1] as number));
  }
  return isText(name) ? undefined : name;
}
