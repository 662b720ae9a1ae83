import { linkOf } from "./clock.js";
import { invalid, type LatchworkError, takeError } from "./error.js";
import { type AsyncContext, newContext, started } from "./host.js";
import type { ManualClock } from "./manual_clock.js";
import { checkOptions } from "./options.js";
import type { Owner } from "./owner.js";
import { Space } from "./space.js";
import { checkText } from "./text.js";

/** What `open` can be told besides the address. */
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
   * Whether what runs inside a body of `withLock` belongs to that body's owner without saying so, also in calls that it makes:
   * so that locks one inside the other are refused with `deadlock` instead of hanging. For development: it makes every await of
   * a process slower, and needs a host that has an async context. Browsers have none.
   */
  ambientOwner?: boolean | undefined;
}

const OPTIONS = ["clock", "maxWaiters", "maxWaitersPerKey", "meta", "ambientOwner"];

/**
 * Opens a space.
 *
 * Without an address it is new and nobody else can reach it. `"memory:name"` names one space per process (in a browser: per
 * page or worker): whoever opens the name gets it, in every worker thread. It ends with its last opening.
 *
 * A space that is open, and a lock that is held, never keep a process of Node alive. A request that waits does so in a space
 * with a name, since another thread may release; in a space without one only while it has a deadline.
 *
 * Rejects with `invalid` where an argument cannot be what it must be.
 *
 * @example
 * const space = await open("memory:orders");
 * await space.withLock(["stock/7", "order/12"], async () => { … });
 */
export async function open(url?: string, options: OpenOptions = {}): Promise<Space> {
  if (url !== undefined) checkText(url, "url");
  checkOptions(options, OPTIONS);
  // Each is read once: a getter may answer otherwise the next time.
  const { clock: given, maxWaiters, maxWaitersPerKey, meta, ambientOwner } = options;
  const clock = linkOf(given);
  if (given !== undefined && clock === undefined) throw invalid("clock", "must be a clock made with manualClock()");
  const limits = [checkLimit(maxWaiters, "maxWaiters"), checkLimit(maxWaitersPerKey, "maxWaitersPerKey")] as const;
  const ambient = contextOf(ambientOwner);
  const native = await started();
  const number = clock === undefined ? 0 : clock.numberOf(native);
  let handle: number;
  try {
    handle = native.open(url, number, ...limits, meta, ambient !== undefined);
  } catch (error) {
    throw invalid("meta", `cannot be copied: ${error instanceof Error ? error.message : error}`);
  }
  if (handle === 0) throw inOurWords(takeError(native));
  return new Space(native, handle, url, clock, ambient);
}

function checkLimit(limit: unknown, what: string): number {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(limit) || (limit as number) < 0)
    throw invalid(what, "must be a whole number, not negative");
  return limit as number;
}

function contextOf(wanted: unknown): AsyncContext<Owner> | undefined {
  if (wanted !== undefined && typeof wanted !== "boolean") throw invalid("ambientOwner", "must be true or false");
  if (!wanted) return undefined;
  if (newContext === undefined) throw invalid("ambientOwner", "there is no async context in this host");
  return newContext();
}

/** The core calls the options by its own names. */
function inOurWords(error: LatchworkError): LatchworkError {
  const { what, why } = error;
  return what === undefined
    ? error
    : invalid(
        what.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
        why as string,
      );
}
