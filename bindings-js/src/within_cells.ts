/**
 * What cells need of the border, as a sub-space sees it. See `within.ts`.
 *
 * @internal
 */

import type { KeyValue } from "./native.js";
import type { NativeCells, RawEntry, RawRange } from "./native_cells.js";
import type { Place } from "./within.js";

/** The same calls for the sub-space in this place. Keys of it come as keys of the space already; ranges do not. */
export function cellsWithin(cells: NativeCells, { prefixes }: Place): NativeCells {
  // A key of the space is a tuple whose last part is the key of the sub-space; once for each prefix.
  const own = (key: KeyValue) => prefixes.reduce(last, key);
  const entry = (raw: RawEntry): RawEntry => ({ ...raw, key: own(raw.key) });
  const entries = (all: RawEntry[] | null | undefined) => all?.map(entry);
  const range = (asked: RawRange): RawRange => ({ ...asked, within: prefixes });
  return {
    ...cells,
    getMany: (handle, keys) => entries(cells.getMany(handle, keys)),
    list: (handle, asked, limit, reverse) => entries(cells.list(handle, range(asked), limit, reverse)),
    commit: (handle, changes, demands) =>
      cells.commit(handle, changes, demands)?.map((raw) => ({ ...raw, entry: entry(raw.entry) })),
    deleteAll: (handle, asked, except) => cells.deleteAll(handle, range(asked), except)?.map(own),
    watchRange: (handle, asked) => cells.watchRange(handle, range(asked)),
    nextOf: (watch, tell) => entries(cells.nextOf(watch, tell)),
  };
}

function last(key: KeyValue): KeyValue {
  return (key as KeyValue[]).at(-1) as KeyValue;
}
