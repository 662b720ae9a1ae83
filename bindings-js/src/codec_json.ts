/**
 * Values as JSON: what JSON has, and nothing that would come back as something else.
 *
 * @internal
 */

import type { Codec } from "./codec.js";
import { checkString, kindOf, notValue, setProperty } from "./codec_kind.js";
import { enter, from, named, readable, refusal } from "./codec_refusal.js";

const WRITER = new TextEncoder();
const READER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Values to JSON in UTF-8 and back. */
export const json: Codec = {
  encode: (value) => named(() => WRITER.encode(JSON.stringify(plain(value, [])))),
  // Checked too: a text of JSON can say what no value is.
  decode: (bytes) => readable(() => plain(JSON.parse(READER.decode(bytes)), [])),
};

/** A copy of a value, each part looked at once. `above`: the containers that it is in. */
function plain(value: unknown, above: object[]): unknown {
  switch (typeof value) {
    case "string":
      checkString(value);
      return value;
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw refusal(`JSON has no ${value}`);
      return value;
    case "bigint":
      throw refusal("JSON has no bigint");
    case "object":
      return value === null ? null : container(value, above);
    default:
      throw notValue(value);
  }
}

function container(value: object, above: object[]): unknown {
  const kind = kindOf(value);
  if (kind !== "array" && kind !== "object") throw refusal(`JSON has no ${kind}`);
  enter(value, above);
  const copy = kind === "array" ? items(value as unknown[], above) : properties(value, above);
  above.pop();
  return copy;
}

function items(array: unknown[], above: object[]): unknown[] {
  // A loop, since `map` leaves holes as they are.
  const copy: unknown[] = [];
  for (let index = 0; index < array.length; index++) {
    try {
      copy.push(plain(array[index], above));
    } catch (error) {
      throw from(index, error);
    }
  }
  return copy;
}

function properties(object: object, above: object[]): unknown {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(object)) {
    try {
      checkString(name);
      setProperty(copy, name, plain((object as Record<string, unknown>)[name], above));
    } catch (error) {
      throw from(name, error);
    }
  }
  return copy;
}
