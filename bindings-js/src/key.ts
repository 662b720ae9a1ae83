import { invalid, type LatchworkError, must, takeError } from "./error.js";
import type { KeyValue, Native, RawKey } from "./native.js";

/**
 * The name of a lock: a string, an integer, bytes, a boolean, or a tuple of such parts made with {@link key}.
 *
 * Part types never mix: `1`, `"1"`, `true` and the byte `0x31` are four keys. A number must be a safe integer; beyond, use a
 * bigint, from −2^63 to 2^64−1. A bare array always means several keys.
 */
export type Key = string | number | bigint | boolean | Uint8Array | TupleKey;

/** One key, or several. */
export type Keys = Key | readonly Key[];

/** How the name of a turn begins for those who read it. */
const TURN = "turn of";

/** A key of several parts, made with {@link key}, or the name of a turn. Immutable. */
export class TupleKey {
  /** The parts. Tuples nest. */
  readonly parts: readonly Key[];
  /** The parts as they cross to the core. */
  readonly #value: KeyValue[];
  /** The canonical encoding, made by the core when it is needed first. */
  #encoded: Uint8Array | undefined;

  /** @internal */
  constructor(parts: readonly Key[], value: KeyValue[], encoded?: Uint8Array) {
    this.parts = Object.freeze(parts);
    this.#value = value;
    this.#encoded = encoded;
  }

  /** The key as a person reads it: `("user", 42)`. */
  toString(): string {
    return `(${this.parts.map(describe).join(", ")}${this.parts.length === 1 ? "," : ""})`;
  }

  /** The parts as JSON has them; a bigint and bytes, which it has not, as text. */
  toJSON(): unknown[] {
    return this.parts.map((part) => (typeof part === "bigint" || isBytes(part) ? describe(part) : part));
  }

  /** @internal */
  static value(key: TupleKey): KeyValue[] {
    return key.#value;
  }

  /** @internal */
  static encode(native: Native, key: TupleKey, what: string): Uint8Array {
    key.#encoded ??= encode(native, key.#value, what);
    return key.#encoded;
  }
}

/**
 * Makes a key of several parts, in this order: `key("user", 42)`.
 *
 * A key of one part is not its bare part, and parts can be keys made with `key` again.
 *
 * What only the core can tell (a lone surrogate, a bigint out of range, a key over 2 KiB) is refused by the operation that
 * is given the key, before it changes anything.
 *
 * @throws {LatchworkError} `invalid`, naming the part, where its type or number cannot be part of a key.
 */
export function key(...parts: Key[]): TupleKey {
  const kept = copies(parts, "parts");
  return new TupleKey(kept, kept.map(toValue));
}

/**
 * Names the turn of a cell, or, without one, of the whole space: what an `update` or a `transact` holds that lost several times.
 * It stands in the place of a key in what `query` answers and in time-outs and deadlocks, and reads as `("turn of", "doc")`.
 *
 * `query` and `revoke` take it: to revoke a turn ends the call that has it with `fenced`. No other operation does. The turn of
 * the space is shared by all who have that of a cell: to revoke it ends them all.
 *
 * @throws {LatchworkError} `invalid` where the cell is no key.
 *
 * @example
 * const { held } = await space.query(turnOf("doc"));
 */
export function turnOf(...cell: [] | [cell: Key]): TupleKey {
  const kept = copies(cell, "cell");
  return new TupleKey([TURN, ...kept], [undefined, ...kept.map(toValue)]);
}

/** Keys that nobody changes any more. */
function copies(keys: readonly Key[], what: string): Key[] {
  return each(keys, what, (key, name) => {
    check(key, name);
    return isBytes(key) ? new Uint8Array(key) : key;
  });
}

/**
 * A key that the core hands back.
 *
 * @internal
 */
export function keyOf(value: KeyValue): Key {
  return Array.isArray(value) ? new TupleKey(value.map(keyOf), value) : (value ?? TURN);
}

/**
 * A key as it crosses to the core, checked; `what` names it where it is refused.
 *
 * @internal
 */
export function rawKey(native: Native, key: unknown, what: string): RawKey {
  const { inside } = native;
  if (typeof key === "string" && inside === undefined) return key;
  check(key, what);
  if (inside !== undefined || isBytes(key)) return encode(native, toValue(key), what);
  return key instanceof TupleKey ? TupleKey.encode(native, key, what) : key;
}

/**
 * One key or several as they cross to the core.
 *
 * @internal
 */
export function rawKeys(native: Native, keys: unknown, what: string): RawKey[] {
  return each(keys, what, (key, name) => rawKey(native, key, name));
}

/**
 * The error of the first of these keys that the core refuses, named by its place; nothing where all of them are keys. Asked
 * only once the core has refused a request and has not said which.
 *
 * @internal
 */
export function refusedKey(native: Native, keys: unknown, what: string): LatchworkError | undefined {
  try {
    each(keys, what, (key, name) => encodedKey(native, key, name));
    return undefined;
  } catch (error) {
    return error as LatchworkError;
  }
}

/** What becomes of one key, or of each with its place. */
function each<T>(keys: unknown, what: string, of: (key: unknown, name: string) => T): T[] {
  // Copied, since `map` leaves holes as they are.
  return Array.isArray(keys) ? [...keys].map((key, index) => of(key, `${what}[${index}]`)) : [of(keys, what)];
}

/**
 * The canonical encoding of a key of the caller's.
 *
 * @internal
 */
export function encodedKey(native: Native, key: unknown, what: string): Uint8Array {
  const raw = rawKey(native, key, what);
  // Bytes are what the core has made of it.
  return isBytes(raw) ? raw : encode(native, raw, what);
}

/** The canonical encoding of a key. */
function encode(native: Native, value: KeyValue, what: string): Uint8Array {
  const encoded = native.encode(value);
  if (!encoded) throw invalid(what, takeError(native).why as string);
  return encoded;
}

/** Refuses what is not a key by its type; the core checks the rest. */
function check(key: unknown, what: string): asserts key is Key {
  const type = typeof key;
  if (type === "string" || type === "boolean" || type === "bigint" || Number.isSafeInteger(key)) return;
  if (key instanceof TupleKey || isBytes(key)) return;
  must(false, what, type === "number" ? "a safe integer" : `a key${hint(Object(key))}`);
}

/** What may have been meant. */
function hint(value: object): string {
  if (Array.isArray(value)) return "; use key(...)";
  return Symbol.iterator in value ? "; spread it: [...keys]" : "";
}

/**
 * By its tag, so that arrays of other realms count too.
 *
 * @internal
 */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && (value as Uint8Array)[Symbol.toStringTag] === "Uint8Array";
}

function toValue(key: Key): KeyValue {
  return key instanceof TupleKey ? TupleKey.value(key) : key;
}

/**
 * A key as a person reads it.
 *
 * @internal
 */
export function describe(key: Key): string {
  if (typeof key === "string") return JSON.stringify(key);
  if (isBytes(key)) return `bytes(${[...key].map((byte) => byte.toString(16).padStart(2, "0")).join("")})`;
  return String(key);
}
