/**
 * How values that are not numbers cross: as bytes in the module's memory, written by one side and read by the other.
 * `src/wire.rs` has the format.
 *
 * @internal
 */

import { must } from "../../bindings-js/src/error.js";
import { isText } from "../../bindings-js/src/text.js";

enum Tag {
  Undefined = 0,
  False = 1,
  True = 2,
  Number = 3,
  BigInt = 4,
  String = 5,
  Bytes = 6,
  List = 7,
  Object = 8,
}

/** What a key takes at most: nine bytes here for each of the 2,048 of its encoding. */
const MAX_KEY = 9 * 2048;

/** How deep tuples may nest. */
const MAX_DEPTH = 32;

/** The longest text that is not a key. Nobody needs so much; the longest that there are would fill the module's memory. */
const MAX_TEXT = 1 << 20;

/** The longest input: the module's memory has room for two of them. */
const MAX_INPUT = 1 << 29;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A value that crosses. */
export type Value = undefined | boolean | number | bigint | string | Uint8Array | Value[] | { [field: string]: Value };

/** The module's side: its memory, and room in it. */
export interface Room {
  readonly memory: WebAssembly.Memory;
  /** Makes room for so many bytes and tells where; what was written there before stays. */
  reserve(length: number): number;
}

/**
 * Makes what writes the input of one call: values one after the other, where a list is one of keys. It throws `invalid` for what
 * cannot cross, and for a key that is too long before it is copied. `what`: the name of the texts.
 */
export function writer({ memory, reserve }: Room): (values: readonly unknown[], what?: string) => void {
  let bytes = new Uint8Array(0);
  let view: DataView;
  let end: number;
  let limit: number;

  return (values, what = "label") => {
    end = 0;
    for (const value of values) {
      limit = MAX_INPUT;
      if (!Array.isArray(value)) {
        must(typeof value !== "string" || value.length <= MAX_TEXT, what, "shorter");
        write(value, 0);
        continue;
      }
      header(Tag.List, value.length, 0);
      for (const key of value) {
        // Bytes are an encoding that was made before; only the name of a Web Lock is longer than a key.
        limit = typeof key === "object" && !Array.isArray(key) ? MAX_INPUT : end + MAX_KEY;
        write(key, 0);
      }
    }
  };

  function write(value: unknown, depth: number): void {
    if (typeof value === "string") {
      must(isText(value), "key", "a string without lone surrogates");
      const at = header(Tag.String, 0, 3 * value.length);
      const { written } = encoder.encodeInto(value, bytes.subarray(at));
      view.setUint32(at - 4, written, true);
      end = at + written;
    } else if (typeof value === "number") {
      // In two steps here and below: to make room can make another view.
      const at = room(Tag.Number, 8);
      view.setFloat64(at, value, true);
    } else if (typeof value === "bigint") {
      room(Tag.BigInt, 0);
      write(String(value), 0);
    } else if (Array.isArray(value)) {
      header(Tag.List, value.length, 0);
      must(depth <= MAX_DEPTH, "key", "shorter");
      for (const part of value) write(part, depth + 1);
    } else if (typeof value === "object") {
      const { length } = value as Uint8Array;
      const at = header(Tag.Bytes, length, length);
      bytes.set(value as Uint8Array, at);
    } else {
      room(value === undefined ? Tag.Undefined : value ? Tag.True : Tag.False, 0);
    }
  }

  /** Writes a tag and a length, makes room for so many bytes after them, and tells where these are. */
  function header(tag: Tag, length: number, more: number): number {
    const at = room(tag, 4 + more);
    view.setUint32(at, length, true);
    return at + 4;
  }

  /** Writes a tag, makes room for so many bytes after it, and tells where these are. */
  function room(tag: Tag, more: number): number {
    const at = end + 1;
    end = at + more;
    must(end <= limit, limit < MAX_INPUT ? "key" : "value", "shorter");
    // The module's memory moves when it grows; views of the old one are empty then.
    if (end > bytes.length) {
      const size = Math.max(2 * end, 1024);
      const start = reserve(size);
      bytes = new Uint8Array(memory.buffer, start, size);
      view = new DataView(memory.buffer, start, size);
    }
    bytes[at - 1] = tag;
    return at;
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
      case Tag.BigInt:
        return BigInt(value() as string);
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
