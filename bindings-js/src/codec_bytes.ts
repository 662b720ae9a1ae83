/**
 * Values that are bytes already.
 *
 * @internal
 */

import type { Codec } from "./codec.js";
import { invalid } from "./error.js";
import { isBytes } from "./key.js";

/** Bytes, copied: they are the caller's. */
export const bytes: Codec = {
  encode(value) {
    if (!isBytes(value)) throw invalid("value", 'must be a Uint8Array, since the codec is "bytes"');
    return new Uint8Array(value);
  },
  decode: (encoded) => new Uint8Array(encoded),
};
