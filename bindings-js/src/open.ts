import { type ClockLink, linkOf } from "./clock.js";
import { invalid, takeError } from "./error.js";
import { started } from "./host.js";
import type { ManualClock } from "./manual_clock.js";
import { checkOptions } from "./options.js";
import { Space } from "./space.js";
import { checkText } from "./text.js";

/** What `open` can be told besides the address. */
export interface OpenOptions {
  /** A clock for tests, from `manualClock()`. */
  clock?: ManualClock | undefined;
}

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
export async function open(url?: string, options?: OpenOptions): Promise<Space> {
  if (url !== undefined) checkText(url, "url");
  let clock: ClockLink | undefined;
  if (options !== undefined) {
    checkOptions(options, ["clock"]);
    const { clock: given } = options;
    clock = linkOf(given);
    if (given !== undefined && clock === undefined) {
      throw invalid("clock", "must be a clock made with manualClock()");
    }
  }
  const native = await started();
  const number = clock === undefined ? 0 : clock.numberOf(native);
  const handle = native.open(url, number);
  if (handle === 0) throw takeError(native);
  return new Space(native, handle, url, clock);
}
