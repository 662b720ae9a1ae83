/**
 * CBOR to values. The library reads tokens; what they mean is decided here. The bytes may be anybody's.
 *
 * @internal
 */

import { type Token, Tokenizer, Type } from "cborg";
import { Tag } from "./codec_cbor_tags.js";
import { dateOf, dateOfSeconds } from "./codec_date.js";
import { setProperty } from "./codec_kind.js";
import { DEEPEST, refusal } from "./codec_refusal.js";

const OPTIONS = { allowIndefinite: false, allowUndefined: false, allowBigInt: true };

/** How many bytes come before the content of a string, by the lower bits of its first byte. */
const HEADS: Record<number, number> = { 24: 2, 25: 3, 26: 5, 27: 9 };

/** Refuses what is not UTF-8 and leaves a byte order mark in. */
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value that bytes hold. */
export function read(bytes: Uint8Array): unknown {
  // A Buffer of Node would share its memory with what is cut out of it. To ask any array for its buffer may have to make one.
  const isPlain = Object.getPrototypeOf(bytes) === Uint8Array.prototype;
  const reader = new Reader(isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #tokens: Tokenizer;
  /** Where the last token began. */
  #start = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#tokens = new Tokenizer(bytes, OPTIONS);
  }

  /** The next value; `depth`: in how many containers it is. */
  value(depth: number): unknown {
    const token = this.#next();
    switch (token.type) {
      case Type.string:
        return this.#string(token);
      case Type.bytes:
        // The library has one empty array for all.
        return token.value.length === 0 ? new Uint8Array(0) : token.value;
      case Type.array:
        return this.#array(token.value, deeper(depth));
      case Type.map:
        return this.#map(token.value, deeper(depth), false);
      case Type.tag:
        return this.#tagged(token.value, depth);
      default:
        return token.value;
    }
  }

  /** Refuses bytes behind the value. */
  end(): void {
    if (!this.#tokens.done()) throw refusal("there are bytes behind it");
  }

  #next(): Token {
    if (this.#tokens.done()) throw refusal("the bytes end too early");
    this.#start = this.#tokens.pos();
    return this.#tokens.next();
  }

  /** A string; the library replaces what is not UTF-8, and leaves byte order marks out: then it is read again. */
  #string(token: Token): string {
    const start = this.#start;
    const first = start + (HEADS[(this.#bytes[start] as number) & 31] ?? 1);
    if (this.#bytes[first] !== 0xef && !token.value.includes("\ufffd")) return token.value;
    return STRICT.decode(this.#bytes.subarray(first, this.#tokens.pos()));
  }

  #array(length: number, depth: number): unknown[] {
    const array: unknown[] = [];
    for (let index = 0; index < length; index++) array.push(this.value(depth));
    return array;
  }

  /** An object where all keys are strings and no tag says otherwise. */
  #map(length: number, depth: number, tagged: boolean): unknown {
    const object: Record<string, unknown> = {};
    let map: Map<unknown, unknown> | undefined = tagged ? new Map() : undefined;
    for (let index = 0; index < length; index++) {
      const key = this.#name();
      if (map === undefined && typeof key !== "string") map = new Map(Object.entries(object));
      if (map === undefined ? Object.hasOwn(object, key as string) : map.has(key)) throw twice(key);
      const value = this.value(depth);
      if (map === undefined) setProperty(object, key as string, value);
      else map.set(key, value);
    }
    return map ?? object;
  }

  #set(depth: number): Set<unknown> {
    const token = this.#next();
    if (token.type !== Type.array) throw refusal("a set that is none");
    deeper(depth);
    const set = new Set();
    for (let index = 0; index < token.value; index++) {
      const member = this.#name();
      if (set.has(member)) throw twice(member);
      set.add(member);
    }
    return set;
  }

  /** A key of a map or a member of a set. */
  #name(): string | number | bigint {
    const token = this.#next();
    if (token.type === Type.string) return this.#string(token);
    if (token.type === Type.uint || token.type === Type.negint) return token.value;
    const value = token.type === Type.tag ? this.#tagged(token.value, 0) : undefined;
    if (typeof value === "bigint" || typeof value === "number") return value;
    throw refusal("keys of a map and members of a set must be strings or integers");
  }

  #tagged(tag: number, depth: number): unknown {
    if (tag === Tag.Set) return this.#set(depth);
    const token = this.#next();
    if (tag === Tag.Date && token.type === Type.string) return dateOf(this.#string(token));
    if (tag === Tag.Seconds) return dateOfSeconds(token.value);
    if (tag === Tag.Map && token.type === Type.map) return this.#map(token.value, deeper(depth), true);
    if (tag === Tag.Positive && token.type === Type.bytes) return integerOf(token.value, false);
    if (tag === Tag.Negative && token.type === Type.bytes) return integerOf(token.value, true);
    throw refusal(`a tag that has no meaning here: ${tag}`);
  }
}

function deeper(depth: number): number {
  if (depth === DEEPEST) throw refusal(`nested deeper than ${DEEPEST}`);
  return depth + 1;
}

function twice(key: unknown): unknown {
  return refusal(`a key or member that is there twice: ${key}`);
}

/** As other integers: a number where it is safe. */
function integerOf(bytes: Uint8Array, negative: boolean): number | bigint {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const size = BigInt(`0x0${digits}`);
  const integer = negative ? -1n - size : size;
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}
