import { isBytes, type Key, keyOf, TupleKey } from "./key.js";
import type { Native, RawKey } from "./native.js";

/**
 * A key that was given to the core, as the core hands it back: integers are numbers where those are exact, bytes are copies.
 * `raw`: how it crossed.
 *
 * @internal
 */
export function readBack(native: Native, key: Key, raw: RawKey): Key {
  if (isReadBack(key)) return key;
  const encoded = isBytes(raw) ? raw : native.encode(raw);
  const value = encoded && native.decode(encoded);
  return value === null || value === undefined ? key : keyOf(value);
}

function isReadBack(key: Key): boolean {
  switch (typeof key) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return !Object.is(key, -0);
    default:
      return key instanceof TupleKey && key.parts.every(isReadBack);
  }
}
