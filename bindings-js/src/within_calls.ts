/**
 * What updates and transactions need of the border, as a sub-space sees it. See `within.ts`.
 *
 * @internal
 */

import type { NativeCalls } from "./native_calls.js";
import type { Place } from "./within.js";
import { entriesWithin, rangeWithin } from "./within_cells.js";

/** The same calls for the sub-space in this place. Keys of it come as keys of the space already; ranges do not. */
export function callsWithin(calls: NativeCalls, place: Place): NativeCalls {
  const entries = entriesWithin(place);
  const range = rangeWithin(place);
  return {
    ...calls,
    getMany: (call, scope, keys) => entries(calls.getMany(call, scope, keys)),
    list: (call, scope, asked, limit, reverse) => entries(calls.list(call, scope, range(asked), limit, reverse)),
  };
}
