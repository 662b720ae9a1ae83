/**
 * The usual codec: CBOR (RFC 8949), as every language of this package writes and reads it.
 *
 * @internal
 */

import type { Codec } from "./codec.js";
import { read } from "./codec_cbor_read.js";
import { writeShort } from "./codec_cbor_short.js";
import { write } from "./codec_cbor_write.js";
import { named, readable } from "./codec_refusal.js";

/** Values to CBOR and back. */
export const cbor: Codec = {
  encode: (value) => writeShort(value) ?? named(() => write(value)),
  decode: (bytes) => readable(() => read(bytes)),
};
