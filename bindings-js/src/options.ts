import { invalid } from "./error.js";
import { type Keys, rawKeys } from "./key.js";
import type { Native, RawKey } from "./native.js";
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

/**
 * Options, checked.
 *
 * @internal
 */
export interface CheckedOptions {
  exclusive: RawKey[];
  shared: RawKey[];
  /** The further keys as they were given. */
  more: unknown;
  label: string | undefined;
  owner: Owner | undefined;
  maxHold: number;
  timeout: number;
  signal: AbortSignal | undefined;
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
export function lockOptions(native: Native, keys: unknown, options: unknown, owner: Owner | undefined): CheckedOptions {
  return checkedOptions(native, keys, options, owner, owner === undefined ? LOCK : OWN_LOCK);
}

/**
 * As {@link lockOptions}, of `tryLock`.
 *
 * @internal
 */
export function tryLockOptions(
  native: Native,
  keys: unknown,
  options: unknown,
  owner: Owner | undefined,
): CheckedOptions {
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

function checkedOptions(
  native: Native,
  keys: unknown,
  given: unknown,
  own: Owner | undefined,
  known: readonly string[],
): CheckedOptions {
  const raw = rawKeys(native, keys, "keys");
  if (given === undefined) {
    const [maxHold, timeout] = [NEVER, NEVER];
    return {
      exclusive: raw,
      shared: [],
      more: undefined,
      label: undefined,
      owner: own,
      maxHold,
      timeout,
      signal: undefined,
    };
  }
  checkOptions(given, known);
  // Each is read once: a getter may answer otherwise the next time.
  const { mode, shared, label, owner = own, maxHold, timeout, signal } = given;
  const rawShared = shared === undefined ? [] : rawKeys(native, shared, "shared");
  const all =
    checkMode(mode) === "shared"
      ? { exclusive: [], shared: [...raw, ...rawShared] }
      : { exclusive: raw, shared: rawShared };
  return {
    ...all,
    more: shared,
    label: checkLabel(label),
    owner: checkOwner(owner),
    maxHold: checkTime(maxHold, "maxHold"),
    timeout: checkTime(timeout, "timeout"),
    signal: checkSignal(signal),
  };
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

function checkTime(time: unknown, what: string): number {
  if (time === undefined) return NEVER;
  if (typeof time !== "number") throw invalid(what, "must be a number of milliseconds");
  if (Number.isNaN(time)) throw invalid(what, "is not a number");
  if (time < 0) throw invalid(what, "must not be negative");
  return time;
}

/** By its shape, so that signals of other realms count too. */
function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const like = signal as Partial<AbortSignal> | null;
  if (typeof like !== "object" || typeof like?.aborted !== "boolean" || typeof like.addEventListener !== "function") {
    throw invalid("signal", "must be an AbortSignal");
  }
  return like as AbortSignal;
}
