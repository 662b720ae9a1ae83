/**
 * The native part that the module is: its numbers as they are, its values over the wire.
 *
 * @internal
 */

import { listOf } from "../../bindings-js/src/asked.js";
import { LatchworkError } from "../../bindings-js/src/error.js";
import {
  type Failure,
  type KeyValue,
  LANES,
  Lane,
  type Native,
  Outcome,
  type RawHanded,
  type RawKey,
  type RawQuery,
} from "../../bindings-js/src/native.js";
import type { InitOutput } from "../generated/latchwork_wasm.js";
import { read, type Value, writer } from "./wire.js";

/**
 * The native part over the instance with these exports. They are called as they are: what the generated script puts around
 * them is for addresses and values that none of them has, and is not downloaded.
 */
export function nativeOf(wasm: InitOutput): Native {
  const { memory } = wasm;
  const address = wasm.scratchAddress();
  let scratch = new Float64Array(memory.buffer, address, LANES);
  const write = writer(wasm);
  // What could not cross. It is taken before anything else is called, so one is enough.
  let refused: LatchworkError | undefined;
  // What the core keeps, by the number that it keeps.
  const values = new Map<number, unknown>();
  let last = 0;

  const native: Native = {
    // What has only numbers is called as it is.
    ...(wasm as unknown as Native),
    get scratch() {
      // The module's memory moves when it grows; a view of the old one is empty then.
      if (scratch.length === 0) scratch = new Float64Array(memory.buffer, address, LANES);
      return scratch;
    },
    open(url, clock, maxWaiters, maxWaitersPerKey, meta, codec) {
      const kept = keep(meta);
      const random = crypto.getRandomValues(new Uint8Array(16));
      return call(() => wasm.open(clock, maxWaiters, maxWaitersPerKey, kept, Date.now()), [url, codec, random], "url");
    },
    meta: (handle) => structuredClone(values.get(wasm.meta(handle))),
    lock: (...keys) => call(() => wasm.lock(1), [keys]),
    lockWith: (exclusive, shared, label) => call(() => wasm.lock(0), [listOf(exclusive), listOf(shared), label]),
    tryLock: (...keys) => call(() => wasm.tryLock(1), [keys]),
    tryLockWith: (exclusive, shared, label) => call(() => wasm.tryLock(0), [listOf(exclusive), listOf(shared), label]),
    releaseKeys: called(wasm.releaseKeys),
    downgrade: called(wasm.downgrade),
    handOver(to, payload, aim) {
      const kept = keep(payload);
      aim();
      call(() => wasm.handOver(kept), [to], "owner");
    },
    takeHanded: (within) => handed(wasm.takeHanded, within),
    takeHandedOver: (handle, owner, within) => handed(() => wasm.takeHandedOver(handle, owner), within),
    revoke: (handle, keys) => call(() => wasm.revoke(handle), [keys]),
    steal: called(wasm.steal),
    owner: (handle, label) => call(() => wasm.owner(handle), [label]),
    ownerId: (owner) => answer(wasm.ownerId(owner)),
    query: (handle, keys, within) => answer<RawQuery>(call(() => wasm.query(handle), [keys, within])),
    encode: (key, within) => answer<Uint8Array>(call(wasm.encode, [key, within])),
    decode: (encoded, within) => answer<KeyValue>(call(wasm.decode, [encoded, within])),
    keySet: (exclusive, shared, within) => answer(call(wasm.keySet, [exclusive, shared, within])),
    failure(within) {
      const failure = refused ?? answer<Failure>(call(wasm.failure, [within]));
      refused = undefined;
      return failure as Failure;
    },
    manualClock: called(wasm.manualClock),
    cells: async () => (await import("./native_cells.js")).cellsOf(wasm, native, { call, answer }),
  };
  return native;

  /** Keeps a copy of a value for the core, and answers its number; 0 for none. */
  function keep(value: unknown): number {
    for (let gone = wasm.gonePayload(); gone !== 0; gone = wasm.gonePayload()) values.delete(gone);
    if (value === undefined) return 0;
    values.set(++last, structuredClone(value));
    return last;
  }

  /**
   * Writes the input and calls the module, which answers a number if anything; where the input cannot cross, nothing is called
   * and the call has failed.
   */
  function call<T>(then: () => T, input: readonly unknown[], what?: string): T {
    try {
      write(input, what);
    } catch (error) {
      if (!(error instanceof LatchworkError)) throw error;
      refused = error;
      native.scratch[Lane.Outcome] = Outcome.Failed;
      native.scratch[Lane.Settled] = 0;
      return 0 as T;
    }
    return then();
  }

  /** A call whose arguments are its input. */
  function called<A extends unknown[], T>(then: () => T): (...input: A) => T {
    return (...input) => call(then, input);
  }

  function handed(take: () => number, within?: RawKey[]): RawHanded | undefined {
    const raw = answer<RawHanded>(call(take, [within]));
    return raw && { ...raw, payload: values.get(raw.payload as number) };
  }

  function answer<T extends Value | object>(address: number): T | undefined {
    return read(memory, address) as T | undefined;
  }
}
