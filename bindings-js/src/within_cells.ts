/**
 * What cells need of the border, as a sub-space sees it. See `within.ts`.
 *
 * @internal
 */

import type { KeyValue } from "./native.js";
import type { NativeCells, RawEntry, RawRange } from "./native_cells.js";
import type { Place } from "./within.js";

/** The same calls for the sub-space in this place. Keys of it come as keys of the space already; ranges do not. */
export function cellsWithin(cells: NativeCells, place: Place): NativeCells {
  const own = ownKey(place);
  const entry = ownEntry(place);
  const entries = entriesWithin(place);
  const range = rangeWithin(place);
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

/** Makes of entries of the space those of the sub-space that they are. */
export function entriesWithin(place: Place): (all: RawEntry[] | null | undefined) => RawEntry[] | undefined {
  const entry = ownEntry(place);
  return (all) => all?.map(entry);
}

/** Makes of a range of the sub-space one of its space. */
export function rangeWithin({ prefixes }: Place): (asked: RawRange) => RawRange {
  return (asked) => ({ ...asked, within: prefixes });
}

function ownEntry(place: Place): (raw: RawEntry) => RawEntry {
  const own = ownKey(place);
  return (raw) => ({ ...raw, key: own(raw.key) });
}

/** A key of the space is a tuple whose last part is the key of the sub-space; once for each prefix. */
function ownKey({ prefixes }: Place): (key: KeyValue) => KeyValue {
  return (key) => prefixes.reduce(last, key);
}

function last(key: KeyValue): KeyValue {
  return (key as KeyValue[]).at(-1) as KeyValue;
}
