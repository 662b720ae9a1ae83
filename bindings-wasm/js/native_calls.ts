/**
 * What `update` and `transact` need of the module: loaded with cells. `src/calls.rs` is the other side.
 *
 * @internal
 */

import type { Native } from "../../bindings-js/src/native.js";
import { CallLane, type NativeCalls, type RawSpec, Step } from "../../bindings-js/src/native_calls.js";
import type { RawEntry } from "../../bindings-js/src/native_cells.js";
import type { InitOutput } from "../generated/latchwork_wasm.js";
import { type Border, keysOf, kindOf, toldOf } from "./native_cells.js";

const NEVER = Number.POSITIVE_INFINITY;

/** How a run ended: these are the numbers of the other side. */
const GOES_ON = 0;
const RETURNED = 1;
const THROWN = 2;
const KEEPS = 3;
const DELETES = 4;
const SETS = 5;

const NOTHING: RawSpec = { attempts: NEVER, timeout: NEVER, owner: 0, expireIn: Number.NaN };

/** The part for calls, over the same instance as the rest. `tell` puts a cell into the lanes and answers its value. */
export function callsOf(
  wasm: InitOutput,
  native: Native,
  { call, answer }: Border,
  tell: (entry: RawEntry | undefined) => Uint8Array | undefined,
): NativeCalls {
  const calls: NativeCalls = {
    update: (handle, told, key, spec) => begin(handle, told, [key], spec),
    transact(handle, told, spec) {
      begin(handle, told, [], spec);
    },
    goOn: (number) => step(number, 0, GOES_ON),
    answer: (number, scope, value) => step(number, scope, value === undefined ? DELETES : SETS, value),
    keep: (number, scope) => step(number, scope, KEEPS),
    returned(number, scope) {
      step(number, scope, RETURNED);
    },
    threw: (number, scope) => step(number, scope, THROWN),
    cancel: (number) => wasm.cancelCall(number),
    callbacks: () => answer<number[]>(wasm.callbacksOfCommit()) ?? [],
    get: (number, scope, key) => tell(calls.getMany(number, scope, [key])?.[0]),
    getMany: (number, scope, keys) => answer<RawEntry[]>(call(() => wasm.txGetMany(number, scope), [keys])),
    list: (number, scope, range, limit, reverse) =>
      answer<RawEntry[]>(call(() => wasm.txList(number, scope, kindOf(range), limit, reverse ? 1 : 0), keysOf(range))),
    set(number, scope, key, value, expireIn) {
      call(() => wasm.txSet(number, scope, expireIn), [[key], value]);
    },
    insert(number, scope, key, value, expireIn) {
      return tell(answer<RawEntry[]>(call(() => wasm.txInsert(number, scope, expireIn), [[key], value]))?.[0]);
    },
    delete(number, scope, key) {
      call(() => wasm.txDelete(number, scope), [[key]]);
    },
    enter: (number, scope) => wasm.txEnter(number, scope),
    leave: (number, scope, keeps) => wasm.txLeave(number, scope, keeps ? 1 : 0),
    onCommit: (number, scope, callback) => wasm.txOnCommit(number, scope, callback),
    abort(number, scope, reason) {
      call(() => wasm.txAbort(number, scope), [reason]);
    },
    retry: (number, scope) => wasm.txRetry(number, scope),
  };
  return calls;

  function begin(handle: number, told: number, keys: unknown[], spec: RawSpec = NOTHING): Uint8Array | undefined {
    const { attempts, timeout, owner, expireIn, label, guard } = spec;
    // What cannot cross has not begun.
    native.scratch[CallLane.Step] = Step.Failed;
    return answer<Uint8Array>(
      call(
        () => wasm.beginCall(handle, told, attempts, timeout, owner, expireIn),
        [keys, label, ...toldOf(guard === undefined ? [] : [guard])],
      ),
    );
  }

  function step(number: number, scope: number, how: number, value?: Uint8Array): Uint8Array | undefined {
    let crossed = false;
    const address = call(
      () => {
        crossed = true;
        return wasm.stepOfCall(number, scope, how);
      },
      value === undefined ? [] : [value],
    );
    if (!crossed) {
      // It ends the call.
      wasm.cancelCall(number);
      native.scratch[CallLane.Step] = Step.Failed;
    }
    return answer<Uint8Array>(address);
  }
}
