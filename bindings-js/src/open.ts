import { atHand, loaded } from "./cells_loading.js";
import { takeError } from "./error.js";
import { started } from "./host.js";
import type { OpenOptions, Settings } from "./open_options.js";
import { Space } from "./space.js";
import { checkText } from "./text.js";

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
  // Few spaces have any, or are told something by another opening; their code is loaded for those.
  const code = url === undefined && options === undefined ? undefined : await import("./open_options.js");
  const settings = code?.settings(options) ?? {};
  const {
    clock,
    maxWaiters = Number.POSITIVE_INFINITY,
    maxWaitersPerKey = Number.POSITIVE_INFINITY,
    meta,
    codecName = "cbor",
    ambient,
  }: Settings = settings;
  const native = await started();
  const number = clock === undefined ? 0 : clock.numberOf(native);
  try {
    const handle = native.open(url, number, maxWaiters, maxWaitersPerKey, meta, codecName, !!ambient);
    if (handle === 0) throw takeError(native);
    const space = new Space(native, handle, url, settings, code?.frozen(native.meta(handle)));
    if (atHand) await loaded(space);
    return space;
  } catch (error) {
    throw code?.told(error) ?? error;
  }
}
