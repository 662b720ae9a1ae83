import { KeySet, listOf } from "./asked.js";
import { must } from "./error.js";
import { type Keys, rawKey, rawKeys } from "./key.js";
import type { Native } from "./native.js";
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
   * Milliseconds that the lock lasts at most, from its grant: then its keys are taken away, and the guard is lost, for whoever
   * asks, though the event loop was too busy to tell it. Infinity: no end.
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

/** The options of `tryLock`; but a call of an owner has no `owner`. */
const TRY_LOCK = ["mode", "shared", "label", "maxHold", "owner"];
/** Those of `lock` and `withLock`, likewise. */
const LOCK = [...TRY_LOCK, "timeout", "signal"];

/**
 * Refuses what is not an object of options, and names that are none: a misspelt option must not be silent.
 *
 * @internal
 */
export function checkOptions(options: unknown, known: readonly string[]): asserts options is Record<string, unknown> {
  must(typeof options === "object" && options !== null && !Array.isArray(options), "options", "an object");
  for (const name in options) {
    // Asked before, since the words take longer than the look.
    if (!known.includes(name)) must(false, name, `one of ${known.join(", ")}`);
  }
}

/**
 * Checks the keys and options of a call. Nothing is queued before. `own`: whose call it is; then it is no option. Written out,
 * without objects in between: whoever gives a label is to pay for the label.
 *
 * @internal
 */
export function askedWith(
  native: Native,
  keys: unknown,
  given: unknown,
  own: Owner | undefined,
  waits: boolean,
): KeySet {
  const raw = Array.isArray(keys) ? rawKeys(native, keys, "keys") : rawKey(native, keys, "keys");
  if (given === undefined) return new KeySet(raw, undefined, undefined, own);
  checkOptions(given, waits ? LOCK : TRY_LOCK);
  // Each is read once: a getter may answer otherwise the next time.
  const { mode, shared, label, owner: named, maxHold, timeout, signal } = given;
  must(!own || named === undefined, "owner", "left out");
  const owner = own ?? named;
  const more = shared === undefined ? undefined : rawKeys(native, shared, "shared");
  const isShared = mode === "shared";
  must(isShared || mode === undefined || mode === "exclusive", "mode", '"exclusive" or "shared"');
  if (label !== undefined) checkText(label, "label");
  // Whether it is one of this space the core tells.
  must(owner === undefined || owner instanceof Owner, "owner", "from space.owner()");
  return new KeySet(
    isShared ? undefined : raw,
    !isShared ? more : more === undefined ? raw : [...listOf(raw), ...more],
    label,
    owner,
    checkTime(maxHold, "maxHold"),
    checkTime(timeout, "timeout"),
    checkSignal(signal),
    shared,
  );
}

/**
 * Refuses what is no time in milliseconds; Infinity where there is none.
 *
 * @internal
 */
export function checkTime(time: unknown = Number.POSITIVE_INFINITY, what: string): number {
  must(typeof time === "number" && time >= 0, what, "milliseconds, not negative");
  return time;
}

/**
 * By its shape, so that signals of other realms count too.
 *
 * @internal
 */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const { aborted, addEventListener } = Object(signal) as Partial<AbortSignal>;
  must(typeof aborted === "boolean" && typeof addEventListener === "function", "signal", "an AbortSignal");
  return signal as AbortSignal;
}
