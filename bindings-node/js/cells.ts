/**
 * What the addon exports for cells, as the shared surface calls it.
 *
 * The functions that are called most take their numbers from the scratch, and values of up to so many bytes as `values` has in
 * that array: an argument costs ten times as much as a lane, an array of its own more than all the rest.
 *
 * @internal
 */

import { LANES, Lane, type RawKey } from "../../bindings-js/src/native.js";
import { CallLane, type NativeCalls, type RawSpec } from "../../bindings-js/src/native_calls.js";
import type { NativeCells } from "../../bindings-js/src/native_cells.js";

/** How many bytes a value has that is in `values`, or one of the two below. */
const VALUE = LANES;
/** There is no value. */
const NONE = -1;
/** The value is an array of its own. */
const LONG = -2;
/** Up to so many bytes are copied one by one, without a call. */
const FEW = 32;

/** A value that does not fit into `values`; nothing where it does, or there is none. */
type Long = Uint8Array | undefined;

/** The functions of the addon that have to do with cells. */
export interface CellsAddon {
  readonly scratch: Float64Array;
  readonly values: Uint8Array;
  getCell(key: RawKey): Long;
  writeCell(key: RawKey, value: Long): Long;
  getCells: NativeCells["getMany"];
  listCells: NativeCells["list"];
  commitCells: NativeCells["commit"];
  deleteCells: NativeCells["deleteAll"];
  watchCells: NativeCells["watch"];
  watchCellsOf: NativeCells["watchRange"];
  nextOfCells: NativeCells["nextOf"];
  endWatch: NativeCells["endWatch"];
  awaitChange: NativeCells["awaits"];
  awaitedChange: NativeCells["awaited"];
  updateCell(key: RawKey, spec: RawSpec | undefined): Long;
  transact(spec: RawSpec | undefined): void;
  goOn: NativeCalls["goOn"];
  answerUpdate(value: Long): Long;
  keepCell: NativeCalls["keep"];
  returned(): void;
  threw: NativeCalls["threw"];
  cancelCall: NativeCalls["cancel"];
  callbacksOfCommit: NativeCalls["callbacks"];
  txGet(key: RawKey): Long;
  txGetMany: NativeCalls["getMany"];
  txList: NativeCalls["list"];
  txSet(key: RawKey, value: Long): void;
  txInsert: NativeCalls["insert"];
  txDelete: NativeCalls["delete"];
  txEnter: NativeCalls["enter"];
  txLeave: NativeCalls["leave"];
  txOnCommit: NativeCalls["onCommit"];
  txAbort: NativeCalls["abort"];
  txRetry: NativeCalls["retry"];
}

/** What cells need of the border. */
export function cellsOf(addon: CellsAddon): NativeCells {
  const { give, take } = shared(addon);
  return {
    get: (key) => take(addon.getCell(key)),
    getMany: addon.getCells,
    list: addon.listCells,
    write: (key, value) => take(addon.writeCell(key, give(value))),
    commit: addon.commitCells,
    deleteAll: addon.deleteCells,
    watch: addon.watchCells,
    watchRange: addon.watchCellsOf,
    nextOf: addon.nextOfCells,
    endWatch: addon.endWatch,
    awaits: addon.awaitChange,
    awaited: addon.awaitedChange,
    calls: () => callsOf(addon),
  };
}

function callsOf(addon: CellsAddon): NativeCalls {
  const { scratch } = addon;
  const { give, take } = shared(addon);
  /** Names a new call, for the next function called. */
  const begin = (handle: number, tell: number) => {
    scratch[Lane.Handle] = handle;
    scratch[Lane.Slot] = tell;
  };
  /** Names a call and the body of it that runs. */
  const aim = (call: number, scope: number) => {
    scratch[CallLane.Call] = call;
    scratch[CallLane.Scope] = scope;
  };
  return {
    update(handle, tell, key, spec) {
      begin(handle, tell);
      return take(addon.updateCell(key, spec));
    },
    transact(handle, tell, spec) {
      begin(handle, tell);
      addon.transact(spec);
    },
    goOn: addon.goOn,
    answer(call, scope, value) {
      const long = give(value);
      aim(call, scope);
      return take(addon.answerUpdate(long));
    },
    keep: addon.keepCell,
    returned(call, scope) {
      aim(call, scope);
      addon.returned();
    },
    threw: addon.threw,
    cancel: addon.cancelCall,
    callbacks: addon.callbacksOfCommit,
    get(call, scope, key) {
      aim(call, scope);
      return take(addon.txGet(key));
    },
    getMany: addon.txGetMany,
    list: addon.txList,
    set(call, scope, key, value, expireIn) {
      const long = give(value);
      aim(call, scope);
      scratch[CallLane.ExpiresIn] = expireIn;
      addon.txSet(key, long);
    },
    insert: addon.txInsert,
    delete: addon.txDelete,
    enter: addon.txEnter,
    leave: addon.txLeave,
    onCommit: addon.txOnCommit,
    abort: addon.txAbort,
    retry: addon.txRetry,
  };
}

/** How values cross. */
function shared({ scratch, values }: CellsAddon) {
  return {
    /** Puts a value where the addon looks for it; answers what is to be passed on besides. */
    give(value: Uint8Array | undefined): Long {
      if (value === undefined) {
        scratch[VALUE] = NONE;
        return undefined;
      }
      const { length } = value;
      if (length > values.length) {
        scratch[VALUE] = LONG;
        return value;
      }
      scratch[VALUE] = length;
      if (length > FEW) values.set(value);
      else for (let at = 0; at < length; at++) values[at] = value[at] as number;
      return undefined;
    },
    /** The value that the addon has answered, fresh bytes. */
    take(long: Long): Uint8Array | undefined {
      const length = scratch[VALUE] as number;
      return length < 0 ? long : values.slice(0, length);
    },
  };
}
