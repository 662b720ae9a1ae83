import { Snapshot } from "./cells_loading.js";
import { codecName, type OurCodec } from "./codec_name.js";
import { invalid, LatchworkError } from "./error.js";
import { isBytes } from "./key.js";

/**
 * How values become bytes and come back: a pair of functions of one's own for the option `codec` of `open`.
 *
 * `encode` is called once for each value that is written, at the call and with the value itself. What `decode` answers belongs to
 * whoever reads the value, so it must be new each time. What either throws ends the operation and passes through unchanged.
 */
export interface Codec<T = unknown> {
  /** All openings of a name must have codecs of one name; `"custom"` where it is not given. */
  readonly name?: string | undefined;
  /** The bytes of a value. */
  encode(value: T): Uint8Array;
  /** The value of these bytes. They are the function's own. */
  decode(bytes: Uint8Array): T;
}

/**
 * What the option `codec` of `open` takes.
 *
 * - `"cbor"`, the usual one: null, booleans, numbers, bigints of any size, strings, `Uint8Array`, `Date`, arrays, plain
 *   objects, and `Map` and `Set` of strings and integers. Other languages read and write the same bytes.
 * - `"json"`: null, booleans, finite numbers, strings, arrays and plain objects.
 * - `"bytes"`: a `Uint8Array`, as it is.
 * - a {@link Codec}.
 *
 * What a codec does not take is refused with `invalid`, which names the part, before anything is changed.
 */
export type CodecOption = "cbor" | "json" | "bytes" | Codec;

/** The codecs that are here. Their code is loaded when a value is written or read first, so that locks do without. */
const OURS: Record<OurCodec, () => Promise<Codec>> = {
  cbor: async () => (await import("./codec_cbor.js")).cbor,
  json: async () => (await import("./codec_json.js")).json,
  bytes: async () => (await import("./codec_bytes.js")).bytes,
};

/**
 * The codec of a space, of its option.
 *
 * @internal
 */
export class SpaceCodec {
  /** What `codecName` says of the option. */
  readonly name: string;
  #ready: Codec | undefined;
  #loading: Promise<Codec> | undefined;

  constructor(option: unknown) {
    this.name = codecName(option);
    if (typeof option === "object" && option !== null) this.#ready = custom(option as Codec);
  }

  /** The two functions, once their code is there. */
  get ready(): Codec | undefined {
    return this.#ready;
  }

  /** The two functions, loaded where they were not. A load that failed (`unavailable`) is tried again at the next call. */
  load(): Promise<Codec> {
    this.#loading ??= this.#begin().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #begin(): Promise<Codec> {
    if (this.#ready !== undefined) return this.#ready;
    try {
      this.#ready = await OURS[this.name as OurCodec]();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : cause;
      throw new LatchworkError("unavailable", `the codec cannot be loaded: ${why}`, { cause });
    }
    return this.#ready;
  }
}

/**
 * The bytes of a value, or of one that was given when the codec was not there.
 *
 * @internal
 */
export function encoded(codec: Codec, value: unknown): Uint8Array {
  if (!(value instanceof Snapshot)) return codec.encode(value);
  // First the value itself: a clone has lost the classes for which parts of it are refused.
  const bytes = codec.encode(value.value);
  return value.clone === value.value ? bytes : codec.encode(value.clone);
}

/** A caller's pair, whose answers are checked. */
function custom(given: Codec): Codec {
  return {
    encode(value) {
      if (value === undefined) throw invalid("value", "undefined is not a value: use null");
      const encoded: unknown = given.encode(value);
      if (!isBytes(encoded)) throw invalid("codec.encode", "must answer a Uint8Array");
      return new Uint8Array(encoded);
    },
    decode: (bytes) => given.decode(bytes),
  };
}
