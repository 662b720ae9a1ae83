/**
 * The native part that the module is: its numbers as they are, its values over the wire.
 *
 * @internal
 */

import { listOf } from "../../bindings-js/src/asked.js";
import {
  type Failure,
  type KeyValue,
  LANES,
  Lane,
  type Native,
  Outcome,
  type RawHanded,
  type RawKey,
  type RawKeys,
  type RawQuery,
} from "../../bindings-js/src/native.js";
import type { InitOutput } from "../generated/latchwork_wasm.js";
import { Refusal, read, Writer } from "./wire.js";

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The native part over the instance with these exports. They are called as they are: what the generated script puts around
 * them is for addresses and values that none of them has, and is not downloaded.
 */
export function nativeOf(wasm: InitOutput): Native {
  const { memory } = wasm;
  const address = wasm.scratchAddress();
  let scratch = new Float64Array(memory.buffer, address, LANES);
  const writer = new Writer({ memory, reserve: wasm.reserve });
  // What could not cross. It is taken before anything else is called, so one is enough.
  let refused: Failure | undefined;

  const native: Native = {
    // What has only numbers is called as it is.
    ...(wasm as unknown as Native),
    get scratch() {
      // The module's memory moves when it grows; a view of the old one is empty then.
      if (scratch.length === 0) scratch = new Float64Array(memory.buffer, address, LANES);
      return scratch;
    },
    open(url, clock, maxWaiters, maxWaitersPerKey, meta, codec) {
      const copy = structuredClone(meta);
      const opened = call(
        () => writer.text(url, "url").text(codec, "codec"),
        () => wasm.open(clock, maxWaiters, maxWaitersPerKey, copy),
      );
      return opened ?? 0;
    },
    meta: (handle) => structuredClone(wasm.meta(handle)),
    lock: (key, second) =>
      call(
        () => request(pair(key, second)),
        () => wasm.lock(0, NEVER, NEVER, 0),
      ),
    lockWith(exclusive, shared, label) {
      const [owner, maxHold, timeout, deferred] = said();
      call(
        () => request(exclusive, shared, label),
        () => wasm.lock(owner, maxHold, timeout, deferred),
      );
    },
    tryLock: (key, second) =>
      call(
        () => request(pair(key, second)),
        () => wasm.tryLock(0, NEVER),
      ),
    tryLockWith(exclusive, shared, label) {
      const [owner, maxHold] = said();
      call(
        () => request(exclusive, shared, label),
        () => wasm.tryLock(owner, maxHold),
      );
    },
    releaseKeys: (keys) => call(() => writer.keys(keys), wasm.releaseKeys),
    downgrade: (keys) =>
      call(
        () => writer.keys(keys),
        () => wasm.downgrade(keys === undefined ? 0 : 1),
      ),
    handOver(to, payload) {
      const copy = structuredClone(payload);
      call(
        () => writer.text(to, "owner"),
        () => wasm.handOver(copy),
      );
    },
    takeHanded: (within) => handed(within, wasm.takeHanded),
    takeHandedOver: (handle, owner, within) => handed(within, () => wasm.takeHandedOver(handle, owner)),
    revoke: (handle, keys) =>
      call(
        () => writer.keys(keys),
        () => wasm.revoke(handle),
      ) ?? 0,
    steal: (key, label) => call(() => writer.raw(key).text(label, "label"), wasm.steal),
    owner: (handle, label) =>
      call(
        () => writer.text(label, "label"),
        () => wasm.owner(handle),
      ) ?? 0,
    ownerId: (owner) => answer(wasm.ownerId(owner)) as string | undefined,
    query: (handle, keys, within) =>
      answer(
        call(
          () => writer.keys(keys).keys(within),
          () => wasm.query(handle, keys === undefined ? 1 : 0),
        ),
      ) as RawQuery | undefined,
    encode: (key, within) => answer(call(() => writer.key(key).keys(within), wasm.encode)) as Uint8Array | undefined,
    decode: (encoded, within) =>
      answer(call(() => writer.key(encoded).keys(within), wasm.decode)) as KeyValue | undefined,
    keySet: (exclusive, shared, within) =>
      answer(call(() => request(exclusive, shared).keys(within), wasm.keySet)) as ReturnType<Native["keySet"]>,
    failure(within) {
      const failure =
        refused ??
        (call(
          () => writer.keys(within),
          () => answer(wasm.failure()),
        ) as unknown as Failure);
      refused = undefined;
      return failure;
    },
    manualClock: (name) => call(() => writer.text(name, "name"), wasm.manualClock) ?? 0,
    // There is one thread: every call reports what it settled for all handles, and nothing settles in between.
    onWake() {},
    cells: async () => (await import("./native_cells.js")).cellsOf(wasm, native, writer, { call, answer }),
  };
  return native;

  function request(exclusive: RawKeys, shared?: RawKeys, label?: string): Writer {
    return writer.keys(listOf(exclusive)).keys(listOf(shared)).text(label, "label");
  }

  /** What a request says by the lanes. */
  function said(): [number, number, number, number] {
    return [...native.scratch.subarray(Lane.Owner, Lane.First)] as [number, number, number, number];
  }

  /** Writes the input and calls the module; where the input cannot cross, nothing is called and the call has failed. */
  function call<T>(write: () => void, then: () => T): T | undefined {
    try {
      writer.begin();
      write();
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      const { what, why } = refusal;
      refused = { code: "invalid", message: `invalid ${what}: ${why}`, what, why };
      native.scratch[Lane.Outcome] = Outcome.Failed;
      native.scratch[Lane.Settled] = 0;
      return undefined;
    }
    return then();
  }

  function handed(within: RawKey[] | undefined, take: () => number): RawHanded | undefined {
    const raw = answer(call(() => writer.keys(within), take)) as RawHanded | undefined;
    return raw && { ...raw, payload: wasm.takePayload() };
  }

  function answer(address = 0): unknown {
    return read(memory, address);
  }
}

function pair(key: RawKey, second: RawKey | undefined): RawKey[] {
  return second === undefined ? [key] : [key, second];
}
