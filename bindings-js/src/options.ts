import { KeySet, listOf } from "./asked.js";
import { invalid } from "./error.js";
import { type Keys, rawKey, rawKeys } from "./key.js";
import type { Native, RawKey, RawKeys } from "./native.js";
import { Owner } from "./owner.js";
import { checkText } from "./text.js";

/** How the keys are held: exclusive is compatible with nothing, shared with shared. */
export type Mode = "exclusive" | "shared";

/** What `tryLock` can be told besides the keys. */
export interface TryLockOptions {
  /** The mode of the keys; exclusive where it is not given. */
  mode?: Mode | undefined;
  /** Further keys of the same request, in shared mode. */
  shared?: Keys | undefined;
  /** A text for people: shown by `query` and in errors. */
  label?: string | undefined;
  /** Whose request it is: one of this space. A wait that could never end, because it would wait for its own owner, is refused. */
  owner?: Owner | undefined;
  /**
   * Milliseconds that the lock lasts at most, from its grant: then its keys are taken away, and the guard is lost. Infinity:
   * no end.
   */
  maxHold?: number | undefined;
}

/** What `lock` and `withLock` can be told besides the keys. */
export interface LockOptions extends TryLockOptions {
  /** Milliseconds until the wait fails with `timeout`. 0: granted at once or not at all. Infinity: none. */
  timeout?: number | undefined;
  /** Withdraws the request when it is aborted before the grant is seen; the call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const NEVER = Number.POSITIVE_INFINITY;

const OWN_TRY_LOCK = ["mode", "shared", "label", "maxHold"];
const TRY_LOCK = [...OWN_TRY_LOCK, "owner"];
const OWN_LOCK = [...OWN_TRY_LOCK, "timeout", "signal"];
const LOCK = [...OWN_LOCK, "owner"];

/**
 * Checks the keys and options of `lock` and `withLock`. Nothing is queued before. `owner`: whose call it is; then it is no
 * option.
 *
 * @internal
 */
export function lockOptions(native: Native, keys: unknown, options: unknown, owner: Owner | undefined): KeySet {
  return checkedOptions(native, keys, options, owner, owner === undefined ? LOCK : OWN_LOCK);
}

/**
 * As {@link lockOptions}, of `tryLock`.
 *
 * @internal
 */
export function tryLockOptions(native: Native, keys: unknown, options: unknown, owner: Owner | undefined): KeySet {
  return checkedOptions(native, keys, options, owner, owner === undefined ? TRY_LOCK : OWN_TRY_LOCK);
}

/**
 * Refuses what is not an object of options, and names that are none: a misspelt option must not be silent.
 *
 * @internal
 */
export function checkOptions(options: unknown, known: readonly string[]): asserts options is Record<string, unknown> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid("options", "must be an object");
  }
  for (const name in options) {
    if (!known.includes(name)) throw invalid(name, `no such option; there are ${known.join(", ")}`);
  }
}

/** Written out, without objects in between: whoever gives a label is to pay for the label. */
function checkedOptions(
  native: Native,
  keys: unknown,
  given: unknown,
  own: Owner | undefined,
  known: readonly string[],
): KeySet {
  const raw = Array.isArray(keys) ? rawKeys(native, keys, "keys") : rawKey(native, keys, "keys");
  if (given === undefined) return new KeySet(raw, undefined, undefined, own);
  checkOptions(given, known);
  // Each is read once: a getter may answer otherwise the next time.
  const { mode, shared, label, owner = own, maxHold, timeout, signal } = given;
  const more = shared === undefined ? undefined : rawKeys(native, shared, "shared");
  const isShared = checkMode(mode) === "shared";
  return new KeySet(
    isShared ? undefined : raw,
    isShared ? both(raw, more) : more,
    checkLabel(label),
    checkOwner(owner),
    checkTime(maxHold, "maxHold"),
    checkTime(timeout, "timeout"),
    checkSignal(signal),
    shared,
  );
}

function both(keys: RawKey | RawKey[], more: RawKey[] | undefined): RawKeys {
  return more === undefined ? keys : [...listOf(keys), ...more];
}

function checkMode(mode: unknown): Mode {
  if (mode === undefined) return "exclusive";
  if (mode !== "exclusive" && mode !== "shared") throw invalid("mode", 'must be "exclusive" or "shared"');
  return mode;
}

function checkLabel(label: unknown): string | undefined {
  if (label !== undefined) checkText(label, "label");
  return label;
}

/** Whether it is one of this space the core tells. */
function checkOwner(owner: unknown): Owner | undefined {
  if (owner !== undefined && !(owner instanceof Owner)) {
    throw invalid("owner", "must be an owner, from space.owner()");
  }
  return owner;
}

/**
 * Refuses what is no time in milliseconds; Infinity where there is none.
 *
 * @internal
 */
export function checkTime(time: unknown, what: string): number {
  if (time === undefined) return NEVER;
  if (typeof time !== "number") throw invalid(what, "must be a number of milliseconds");
  if (Number.isNaN(time)) throw invalid(what, "is not a number");
  if (time < 0) throw invalid(what, "must not be negative");
  return time;
}

/**
 * By its shape, so that signals of other realms count too.
 *
 * @internal
 */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const like = signal as Partial<AbortSignal> | null;
  if (typeof like !== "object" || typeof like?.aborted !== "boolean" || typeof like.addEventListener !== "function") {
    throw invalid("signal", "must be an AbortSignal");
  }
  return like as AbortSignal;
}
