/**
 * How values that are not numbers cross: as bytes in the module's memory, written by one side and read by the other.
 * `src/wire.rs` has the format.
 *
 * @internal
 */

import type { KeyValue, RawKey } from "../../bindings-js/src/native.js";
import { isText } from "../../bindings-js/src/text.js";

enum Tag {
  Undefined = 0,
  False = 1,
  True = 2,
  Number = 3,
  Signed = 4,
  Unsigned = 5,
  String = 6,
  Bytes = 7,
  List = 8,
  Object = 9,
}

/** The longest key, in bytes of its encoding: what cannot fit is not even copied. */
const MAX_KEY = 2048;

/** How deep tuples may nest. */
const MAX_DEPTH = 32;

/** The longest text that is not a key. Nobody needs so much; the longest that there are would fill the module's memory. */
const MAX_TEXT = 1 << 20;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The longest name of a lock, in bytes: whatever the module's memory has room for, with something left. */
const MAX_NAME = 1 << 26;

/** Why a value cannot cross: an `invalid` of this argument. Never leaves the package. */
export class Refusal {
  constructor(
    readonly what: string,
    readonly why: string,
  ) {}
}

/** A value that was read. */
export type Value = undefined | boolean | number | bigint | string | Uint8Array | Value[] | { [field: string]: Value };

/** The module's side: its memory, and room in it. */
export interface Room {
  readonly memory: WebAssembly.Memory;
  /** Makes room for so many bytes and tells where; what was written there before stays. */
  reserve(length: number): number;
}

/** Writes the input of one call, value after value. */
export class Writer {
  readonly #room: Room;
  #start = 0;
  #size = 0;
  #at = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);

  constructor(room: Room) {
    this.#room = room;
  }

  /** Starts a new input. */
  begin(): void {
    this.#at = 0;
  }

  /** A list of keys: bytes in it are an encoding that was made before. */
  keys(keys: readonly RawKey[] = []): this {
    this.#header(Tag.List, keys.length);
    for (const key of keys) this.raw(key);
    return this;
  }

  /** One key; bytes are an encoding that was made before. */
  raw(key: RawKey): this {
    if (typeof key === "object") this.#binary(key, MAX_NAME);
    else this.key(key);
    return this;
  }

  /** One key; an array is a tuple. */
  key(key: KeyValue): this {
    this.#part(key, 0, { left: MAX_KEY });
    return this;
  }

  /** A text that is not a key, or undefined. */
  text(text: string | undefined, what: string): this {
    if (text === undefined) {
      this.#tag(Tag.Undefined, 0);
    } else {
      if (text.length > MAX_TEXT) throw new Refusal(what, `longer than ${MAX_TEXT}`);
      this.#string(text);
    }
    return this;
  }

  /** `left`: how many more parts there can be in a key that is not too long, since each takes a byte at least. */
  #part(part: KeyValue, depth: number, budget: { left: number }): void {
    budget.left -= 1;
    if (typeof part === "string") {
      if (part.length > MAX_KEY) throw tooLong();
      if (!isText(part)) throw new Refusal("key", "a string with a lone surrogate");
      this.#string(part);
    } else if (typeof part === "number") {
      if (!Number.isSafeInteger(part)) throw new Refusal("key", "a number that is not a safe integer");
      const at = this.#tag(Tag.Number, 8);
      this.#view.setFloat64(at, part, true);
    } else if (typeof part === "boolean") {
      this.#tag(part ? Tag.True : Tag.False, 0);
    } else if (typeof part === "bigint") {
      this.#bigint(part);
    } else if (Array.isArray(part)) {
      if (depth > MAX_DEPTH || part.length > budget.left) throw depth > MAX_DEPTH ? tooDeep() : tooLong();
      this.#header(Tag.List, part.length);
      for (const each of part) this.#part(each, depth + 1, budget);
    } else {
      this.#binary(part, MAX_KEY);
    }
  }

  /** Bytes that are not a key. */
  bytes(bytes: Uint8Array): this {
    this.#binary(bytes, Number.POSITIVE_INFINITY);
    return this;
  }

  #binary(bytes: Uint8Array, limit: number): void {
    if (bytes.length > limit) throw tooLong(limit);
    const at = this.#header(Tag.Bytes, bytes.length) + 4;
    this.#grow(at + bytes.length);
    this.#bytes.set(bytes, at);
    this.#at = at + bytes.length;
  }

  #bigint(value: bigint): void {
    const negative = value < 0n;
    const same = negative ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
    if (same !== value) throw new Refusal("key", "integer outside -2^63 to 2^64-1");
    const at = this.#tag(negative ? Tag.Signed : Tag.Unsigned, 8);
    this.#view.setBigInt64(at, value, true);
  }

  #string(text: string): void {
    const at = this.#header(Tag.String, 0) + 4;
    this.#grow(at + 3 * text.length);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(at));
    this.#view.setUint32(at - 4, written, true);
    this.#at = at + written;
  }

  /** Writes a tag and a length, and tells where the length is. */
  #header(tag: Tag, length: number): number {
    const at = this.#tag(tag, 4);
    this.#view.setUint32(at, length, true);
    return at;
  }

  /** Writes a tag with so many bytes after it, and tells where these are. */
  #tag(tag: Tag, more: number): number {
    const at = this.#at + 1;
    this.#grow(at + more);
    this.#bytes[at - 1] = tag;
    this.#at = at + more;
    return at;
  }

  #grow(size: number): void {
    const { memory } = this.#room;
    if (size > this.#size) {
      this.#size = Math.max(2 * size, 1024);
      this.#start = this.#room.reserve(this.#size);
    } else if (this.#bytes.length !== 0) {
      return;
    }
    // The module's memory moves when it grows; views of the old one are empty then.
    this.#bytes = new Uint8Array(memory.buffer, this.#start, this.#size);
    this.#view = new DataView(memory.buffer, this.#start, this.#size);
  }
}

/** The value that begins at this address; undefined where there is none. Objects are without fields that are undefined. */
export function read(memory: WebAssembly.Memory, address: number): Value {
  if (address === 0) return undefined;
  const view = new DataView(memory.buffer);
  let at = address;
  return value();

  function value(): Value {
    const tag: Tag = view.getUint8(at++);
    switch (tag) {
      case Tag.False:
        return false;
      case Tag.True:
        return true;
      case Tag.Number:
        at += 8;
        return view.getFloat64(at - 8, true);
      case Tag.Signed:
        at += 8;
        return view.getBigInt64(at - 8, true);
      case Tag.Unsigned:
        at += 8;
        return view.getBigUint64(at - 8, true);
      case Tag.String:
        return decoder.decode(bytes());
      case Tag.Bytes:
        return bytes().slice();
      case Tag.List: {
        const list: Value[] = [];
        for (let left = length(); left > 0; left--) list.push(value());
        return list;
      }
      case Tag.Object: {
        const object: { [field: string]: Value } = {};
        for (let left = length(); left > 0; left--) {
          const field = value() as string;
          const content = value();
          if (content !== undefined) object[field] = content;
        }
        return object;
      }
      default:
        return undefined;
    }
  }

  function length(): number {
    at += 4;
    return view.getUint32(at - 4, true);
  }

  function bytes(): Uint8Array {
    const size = length();
    at += size;
    return new Uint8Array(memory.buffer, at - size, size);
  }
}

function tooLong(limit = MAX_KEY): Refusal {
  return new Refusal("key", `longer than ${limit} bytes encoded`);
}

function tooDeep(): Refusal {
  return new Refusal("key", `tuples nest too deep: limit=${MAX_DEPTH}`);
}
