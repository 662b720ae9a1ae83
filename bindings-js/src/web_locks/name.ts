/**
 * Names of locks as keys.
 *
 * A name can be any string, also one with halves of surrogate pairs, and of any length; a key cannot. So a name that is a text
 * is that key, the same that `space.lock` takes, and any other the bytes of its UTF-16. What would be too long for a key is a
 * key of a kind of its own, which nothing else makes. No two names have one key.
 *
 * @internal
 */

import { isBytes, type Key, TupleKey } from "../key.js";
import { isText } from "../text.js";

/** The longest content of a string or bytes key, in bytes. */
const LONGEST = 2047;

/** The tag of names in the encoding of keys, and what says of a long one how it is written. */
const NAME = 0x60;
const UTF8 = 0;
const UTF16 = 1;

/** The key of a name. */
export function keyOfName(name: string): Key {
  const text = isText(name);
  if (text && name.length * 3 <= LONGEST) return name;
  const bytes = text ? new TextEncoder().encode(name) : utf16(name);
  if (bytes.length <= LONGEST) return text ? name : bytes;
  const encoded = new Uint8Array(2 + bytes.length);
  encoded.set([NAME, text ? UTF8 : UTF16]);
  encoded.set(bytes, 2);
  // In a sub-space, where a name must fit into a key, it is refused as a part that is too long.
  return new TupleKey([], [encoded], encoded);
}

/** The name that has this key; undefined where no name has it. */
export function nameOfKey(key: Key): string | undefined {
  if (typeof key === "string") return key;
  if (!isBytes(key)) return undefined;
  if (key.length > LONGEST) {
    const content = key.subarray(1);
    return key[0] === UTF8 ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(content) : fromUtf16(content);
  }
  if (key.length % 2 !== 0) return undefined;
  const name = fromUtf16(key);
  return isText(name) ? undefined : name;
}

function utf16(name: string): Uint8Array {
  const bytes = new Uint8Array(name.length * 2);
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at);
    bytes[at * 2] = unit >> 8;
    bytes[at * 2 + 1] = unit;
  }
  return bytes;
}

function fromUtf16(bytes: Uint8Array): string {
  let name = "";
  for (let at = 0; at < bytes.length; at += 2) {
    name += String.fromCharCode(((bytes[at] as number) << 8) | (bytes[at + 1] as number));
  }
  return name;
}
