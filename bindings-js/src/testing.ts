/**
 * What tests need: a clock that moves only when it is told to, the canonical encoding of keys, and the bytes of values.
 *
 * @module
 */

import { Snapshot } from "./cells_loading.js";
import { type CodecOption, encoded, SpaceCodec } from "./codec.js";
import { invalid, raise, takeError } from "./error.js";
import { started } from "./host.js";
import { isBytes, type Key, keyOf, rawKey } from "./key.js";

export { type ManualClock, manualClock } from "./manual_clock.js";

/**
 * The canonical encoding of a key: the same bytes in every language.
 *
 * Rejects with `invalid` where it is not a key, or one that no operation accepts.
 */
export async function encodeKey(key: Key): Promise<Uint8Array> {
  const native = await started();
  const raw = rawKey(native, key, "key");
  return new Uint8Array(raw instanceof Uint8Array ? raw : (native.encode(raw) ?? raise(native)));
}

/** The key that these canonical bytes mean. Rejects with `invalid` where they mean none. */
export async function decodeKey(encoded: Uint8Array): Promise<Key> {
  if (!isBytes(encoded)) throw invalid("encoded", "must be a Uint8Array");
  const native = await started();
  const value = native.decode(encoded);
  if (value === undefined || value === null) throw invalid("encoded", takeError(native).why as string);
  return keyOf(value);
}

/**
 * The bytes that a space with this codec keeps for a value, as it is at the call.
 *
 * Rejects with `invalid` where the codec does not take it.
 */
export async function encodeValue(value: unknown, codec?: CodecOption): Promise<Uint8Array> {
  const given = new SpaceCodec(codec);
  if (given.ready !== undefined) return given.ready.encode(value);
  const taken = new Snapshot(value);
  return encoded(await given.load(), taken);
}

/** The value that these bytes hold. Rejects with `invalid` where they hold none. */
export async function decodeValue(encoded: Uint8Array, codec?: CodecOption): Promise<unknown> {
  const given = new SpaceCodec(codec);
  if (!isBytes(encoded)) throw invalid("value", "its bytes must be a Uint8Array");
  return (await given.load()).decode(encoded);
}
