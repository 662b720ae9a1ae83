// Values as the vectors of `../codec` describe them.

import { bytesOf, hexOf } from "../scenario/keys.mjs";

/** The value that a description means. */
export function meant(described) {
  if (described === null || typeof described !== "object") return described;
  const [[kind, content]] = Object.entries(described);
  switch (kind) {
    case "int": {
      const integer = BigInt(content);
      return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
    }
    case "float":
      return (
        { inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY, nan: Number.NaN }[content] ?? Number(content)
      );
    case "utf16":
      return String.fromCharCode(...content.match(/.{4}/g).map((unit) => Number.parseInt(unit, 16)));
    case "bytes":
      return bytesOf(content);
    case "date":
      return new Date(content);
    case "list":
      return content.map(meant);
    case "object":
      return Object.fromEntries(content.map(([name, value]) => [meant(name), meant(value)]));
    case "map":
      return new Map(content.map(([key, value]) => [meant(key), meant(value)]));
    case "set":
      return new Set(content.map(meant));
    case "nested": {
      let value = 0;
      for (let depth = 0; depth < content; depth++) value = [value];
      return value;
    }
    default:
      throw new Error(`no such kind of value: ${kind}`);
  }
}

/** A value as text that tells contents and types apart, whatever they are. */
export function described(value) {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `int ${value}`;
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? `int ${value}` : `float ${spelled(value)}`;
    case "object":
      return value === null ? "null" : object(value);
    default:
      return `${typeof value} ${String(value)}`;
  }
}

function object(value) {
  const prototype = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return `[${value.map(described).join(", ")}]`;
  if (prototype === Uint8Array.prototype) return `bytes ${hexOf(value)}`;
  if (prototype === Date.prototype) return `date ${value.toISOString()}`;
  if (prototype === Set.prototype) return `set {${[...value].map(described).sort().join(", ")}}`;
  if (prototype === Map.prototype) return `map ${entries([...value])}`;
  if (prototype === Object.prototype) return `object ${entries(Object.entries(value))}`;
  return `an instance of ${prototype?.constructor?.name}`;
}

function entries(pairs) {
  return `{${pairs.map(([key, value]) => `${described(key)}: ${described(value)}`).join(", ")}}`;
}

function spelled(float) {
  return Object.is(float, -0) ? "-0" : String(float);
}
