/**
 * What an object is to a codec.
 *
 * @internal
 */

import { refusal } from "./codec_refusal.js";
import { isBytes } from "./key.js";
import { isText } from "./text.js";

/** The objects that a value can be made of. Those of other realms (a frame, a context of `vm`) count too. */
export type Kind = "object" | "array" | "bytes" | "map" | "set" | "date";

const TAGS: Record<string, Kind> = { "[object Map]": "map", "[object Set]": "set", "[object Date]": "date" };

/** What an object is; an instance of a class is nothing, since it would come back without it. */
export function kindOf(value: object): Kind {
  if (Array.isArray(value)) return "array";
  const prototype = Object.getPrototypeOf(value);
  const parent = prototype === null ? null : Object.getPrototypeOf(prototype);
  if (parent === null) return "object";
  // Buffer of Node too.
  if (isBytes(value)) return "bytes";
  // Of the class itself: one that extends it has a parent more.
  const kind = Object.getPrototypeOf(parent) === null ? TAGS[Object.prototype.toString.call(value)] : undefined;
  if (kind !== undefined) return kind;
  const name = prototype.constructor?.name;
  throw refusal(`an instance of ${typeof name === "string" && name !== "" ? name : "a class"}: convert it`);
}

/** Younger than the library of types; ten times as fast as what it is there for. */
const isWellFormed = (String.prototype as { isWellFormed?: () => boolean }).isWellFormed;

/** Refuses a text with half of a surrogate pair: it has no form in bytes. */
export function checkString(string: string): void {
  if (!(isWellFormed === undefined ? isText(string) : isWellFormed.call(string))) {
    throw refusal("a string with a lone surrogate");
  }
}

/** The refusal of what can be in no value, whatever the codec. */
export function notValue(value: unknown): unknown {
  if (value === undefined) return refusal("undefined is not a value: leave it out, or use null");
  return refusal(`a ${typeof value} is not a value`);
}

/** Sets a property whatever its name: `__proto__` too is data. */
export function setProperty(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, configurable: true, enumerable: true, writable: true });
}
