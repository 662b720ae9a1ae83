import { AmbientOwner } from "./ambient_owner.js";
import { haveAtHand } from "./cells_loading.js";
import { type ClockLink, linkOf } from "./clock.js";
import type { CodecOption } from "./codec.js";
import { codecName } from "./codec_name.js";
import { invalid, LatchworkError } from "./error.js";
import { newContext } from "./host.js";
import type { ManualClock } from "./manual_clock.js";
import { checkOptions } from "./options.js";

/**
 * What `open` can be told besides the address. All openings of a name must agree on it, also on what they do not give, except
 * for `meta`: else `open` rejects with `invalid`.
 */
export interface OpenOptions {
  /** A clock for tests, from `manualClock()`. */
  clock?: ManualClock | undefined;
  /** How many requests may wait in the space at once: one more is refused with `busy`. Usually there is no limit. */
  maxWaiters?: number | undefined;
  /** How many requests may wait for one key: one more is refused with `busy`. Usually there is no limit. */
  maxWaitersPerKey?: number | undefined;
  /** What `space.meta` is, in every opening of the name: that of whoever made the space. A value that can be cloned. */
  meta?: unknown;
  /**
   * How values of cells become bytes: `"cbor"`, which is the usual one, `"json"`, `"bytes"`, or a pair of functions.
   */
  codec?: CodecOption | undefined;
  /**
   * Whether what runs inside a body of `withLock` belongs to that body's owner without saying so, also in calls that it makes:
   * so that locks one inside the other are refused with `deadlock` instead of hanging. For development: it makes every await of
   * a process slower, and needs a host that has an async context. Browsers have none.
   */
  ambientOwner?: boolean | undefined;
}

/**
 * What a space is opened with: what is not there is as usual.
 *
 * @internal
 */
export interface Settings {
  readonly clock?: ClockLink | undefined;
  readonly maxWaiters?: number;
  readonly maxWaitersPerKey?: number;
  readonly meta?: unknown;
  readonly codec?: CodecOption | undefined;
  /** By which openings agree on it. */
  readonly codecName?: string;
  readonly ambient?: AmbientOwner | undefined;
}

const OPTIONS = ["clock", "maxWaiters", "maxWaitersPerKey", "meta", "codec", "ambientOwner"];

/**
 * Checks the options of `open`.
 *
 * @internal
 */
export function settings(options: unknown = {}): Settings {
  checkOptions(options, OPTIONS);
  // Each is read once: a getter may answer otherwise the next time.
  const { clock: given, maxWaiters, maxWaitersPerKey, meta, codec, ambientOwner } = options;
  const clock = linkOf(given);
  if (given !== undefined && clock === undefined) throw invalid("clock", "must be a clock made with manualClock()");
  // Functions of the caller's are given each value at the call, once, and as it is: so their space has its cells when it is open.
  if (typeof codec === "object") haveAtHand();
  return {
    clock,
    maxWaiters: checkLimit(maxWaiters, "maxWaiters"),
    maxWaitersPerKey: checkLimit(maxWaitersPerKey, "maxWaitersPerKey"),
    meta,
    codec: codec as CodecOption | undefined,
    codecName: codecName(codec),
    ambient: ambientOf(ambientOwner),
  };
}

/**
 * What was wrong with the options: the core calls them by its own names, and the host says by itself what it cannot copy.
 *
 * @internal
 */
export function told(error: unknown): LatchworkError {
  if (!(error instanceof LatchworkError)) {
    return invalid("meta", `cannot be copied: ${error instanceof Error ? error.message : error}`);
  }
  const { what, why } = error;
  return what === undefined
    ? error
    : invalid(
        what.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
        why as string,
      );
}

/**
 * The same value, with all plain objects and arrays in it frozen.
 *
 * @internal
 */
export function frozen(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) frozen(inner);
  return value;
}

function checkLimit(limit: unknown, what: string): number {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(limit) || (limit as number) < 0)
    throw invalid(what, "must be a whole number, not negative");
  return limit as number;
}

function ambientOf(wanted: unknown): AmbientOwner | undefined {
  if (wanted !== undefined && typeof wanted !== "boolean") throw invalid("ambientOwner", "must be true or false");
  if (!wanted) return undefined;
  if (newContext === undefined) throw invalid("ambientOwner", "there is no async context in this host");
  return new AmbientOwner(newContext());
}
