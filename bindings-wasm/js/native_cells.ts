/**
 * What cells need of the module: apart from the rest, so that it is loaded with them. `src/cells.rs` is the other side.
 *
 * @internal
 */

import type { KeyValue, Native, RawKey } from "../../bindings-js/src/native.js";
import {
  CellLane,
  Guarded,
  type NativeCells,
  type RawChange,
  type RawConflict,
  type RawDemand,
  type RawEntry,
  type RawRange,
} from "../../bindings-js/src/native_cells.js";
import type { InitOutput } from "../generated/latchwork_wasm.js";
import { callsOf } from "./native_calls.js";

const NEVER = Number.POSITIVE_INFINITY;

/** How a change and a demand are told: these are the numbers of the other side. */
const CHECKS = 0;
const SETS = 1;
const DELETES = 2;
const RELEASED = 1;
const NAMED = 2;

/** What is watched is no range, but a list of keys. */
const KEYS = 4;

/** How the rest of the native part calls the module. */
export interface Border {
  call<T>(then: () => T, input: readonly unknown[]): T;
  answer<T extends object>(address: number): T | undefined;
}

/** The part for cells, over the same instance as the rest. */
export function cellsOf(wasm: InitOutput, native: Native, { call, answer }: Border): NativeCells {
  const cells: NativeCells = {
    get(key) {
      return tell(cells.getMany(native.scratch[CellLane.Handle] as number, [key])?.[0]);
    },
    getMany: (handle, keys) => answer<RawEntry[]>(call(() => wasm.getCells(handle), [keys])),
    list: (handle, asked, limit, reverse) =>
      answer<RawEntry[]>(call(() => wasm.listCells(handle, kindOf(asked), limit, reverse ? 1 : 0), keysOf(asked))),
    write(key, value) {
      const { scratch } = native;
      const [handle, expected, expireIn, place, number, token, guarded] = [
        CellLane.Handle,
        CellLane.Version,
        CellLane.ExpiresIn,
        CellLane.Place,
        CellLane.Number,
        CellLane.GuardToken,
        CellLane.Flag,
      ].map((lane) => scratch[lane]) as [number, number, number, number, number, number, number];
      const change: RawChange = { key, expireIn, deletes: value === undefined };
      if (expected >= 0) change.expected = expected;
      if (value !== undefined) change.value = value;
      const released = guarded === Guarded.Released;
      const demands = guarded === Guarded.No ? [] : [{ place, number, token, released }];
      return tell(cells.commit(handle, [change], demands)?.[0]?.entry);
    },
    commit: (handle, changes, demands) =>
      answer<RawConflict[]>(call(() => wasm.commitCells(handle), told(changes, demands))),
    deleteAll: (handle, asked, except) =>
      answer<KeyValue[]>(call(() => wasm.deleteCells(handle, kindOf(asked)), [...keysOf(asked), except])),
    watch: (handle, keys) => call(() => wasm.watchCells(handle, KEYS), [keys]),
    watchRange: (handle, asked) => call(() => wasm.watchCells(handle, kindOf(asked)), keysOf(asked)),
    nextOf: (watch, told) => answer<RawEntry[]>(wasm.nextOfCells(watch, told)),
    endWatch: wasm.endWatch,
    // A page does not end.
    awaits: () => false,
    awaited() {},
    calls: () => callsOf(wasm, native, { call, answer }, tell),
  };
  return cells;

  /** Puts a cell into the lanes; answers its value. */
  function tell(entry: RawEntry | undefined): Uint8Array | undefined {
    if (entry === undefined) return undefined;
    const { scratch } = native;
    scratch[CellLane.Version] = entry.version;
    scratch[CellLane.ExpiresIn] = entry.expiresIn ?? NEVER;
    return entry.value ?? undefined;
  }
}

/** The input of a range. */
export function keysOf({ prefix, start, end, within }: RawRange): (RawKey[] | undefined)[] {
  return [[prefix, start, end].filter((key) => key !== undefined), within];
}

/** The input of a commit. */
function told(changes: readonly RawChange[], demands: readonly RawDemand[]): unknown[] {
  return [
    changes.map(({ key }) => key),
    doubles(
      changes.flatMap(({ expected = -1, value, expireIn = NEVER, deletes }) => [
        value !== undefined ? SETS : deletes ? DELETES : CHECKS,
        expected,
        expireIn,
      ]),
    ),
    ...changes.flatMap(({ value }) => value ?? []),
    ...toldOf(demands),
  ];
}

/** The input of a call that names guards. */
export function toldOf(demands: readonly RawDemand[]): unknown[] {
  return [
    doubles(
      demands.flatMap(({ place, number, token, released, keys }) => [
        place,
        number,
        token,
        (released ? RELEASED : 0) + (keys === undefined ? 0 : NAMED),
      ]),
    ),
    ...demands.flatMap(({ keys }) => (keys === undefined ? [] : [keys])),
  ];
}

function doubles(all: number[]): Uint8Array {
  return new Uint8Array(new Float64Array(all).buffer);
}

/** How a range is given: by a prefix, or by where it begins, ends, or both; all of it by nothing. */
export function kindOf({ prefix, start, end }: RawRange): number {
  if (prefix !== undefined) return 0;
  return (start !== undefined ? 1 : 0) + (end !== undefined ? 2 : 0);
}
