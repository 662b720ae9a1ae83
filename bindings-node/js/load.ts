import { deserialize, serialize } from "node:v8";
import { Lane, type Native, type RawHanded } from "../../bindings-js/src/native.js";
import { settle } from "../../bindings-js/src/settle.js";
import { type CellsAddon, cellsOf } from "./cells.js";
import { type LineAddon, lockInLine } from "./line.js";

/**
 * Loads the addon: one made for this platform, or the one that was built here.
 *
 * @internal
 */
export function load(): Native {
  const platform = `${process.platform}-${process.arch}`;
  // Of two C libraries only the addon for the right one loads. To ask the process which it is would take longer.
  const made = process.platform === "linux" ? [`${platform}-gnu`, `${platform}-musl`] : [platform];
  const tried: string[] = [];
  const causes: unknown[] = [];
  for (const file of [...made.map((name) => `../latchwork.${name}.node`), "../latchwork.node"]) {
    try {
      return fast(require(file));
    } catch (error) {
      tried.push(`${file}: ${error instanceof Error ? error.message.split("\n", 1)[0] : error}`);
      causes.push(error);
    }
  }
  const message = `latchwork has no addon that loads on ${platform}; tried, from ${__dirname}:\n  ${tried.join("\n  ")}`;
  throw new Error(message, { cause: causes.length === 1 ? causes[0] : new AggregateError(causes) });
}

/** What the addon exports: what cells need is beside the rest. */
type Addon = Omit<Native, "cells" | "handOver"> &
  CellsAddon &
  LineAddon & {
    handOver(to: string, payload: Uint8Array | undefined): void;
    /** Names the function to call when another thread settled something for one of this thread's handles. It calls `drain`. */
    onWake(wake: (handle: number) => void): void;
  };

/** The same functions in an object whose properties the engine finds at once; an addon's exports are a slow one. */
function fast(addon: Addon): Native {
  const native: Native = {
    scratch: addon.scratch,
    open(url, clock, maxWaiters, maxWaitersPerKey, meta, codec, ambientOwner) {
      const copy = meta === undefined ? undefined : serialize(meta);
      return addon.open(url, clock, maxWaiters, maxWaitersPerKey, copy, codec, ambientOwner);
    },
    meta(handle) {
      const meta = addon.meta(handle);
      return meta ? deserialize(meta as Uint8Array) : undefined;
    },
    epoch: addon.epoch,
    close: addon.close,
    lock: lockInLine(addon),
    lockWith: addon.lockWith,
    tryLock: addon.tryLock,
    tryLockWith: addon.tryLockWith,
    release: addon.release,
    cancel: addon.cancel,
    confirm: addon.confirm,
    held: addon.held,
    releaseKeys: addon.releaseKeys,
    downgrade: addon.downgrade,
    watchLost: addon.watchLost,
    // Also within one thread, so that what can be sent does not depend on where the other owner is.
    handOver(to, payload, aim) {
      const copy = payload === undefined ? undefined : serialize(payload);
      aim();
      addon.handOver(to, copy);
    },
    takeHanded: (within) => handed(addon.takeHanded(within)),
    takeHandedOver: (handle, owner, within) => handed(addon.takeHandedOver(handle, owner, within)),
    watchHandedOver: addon.watchHandedOver,
    revoke: addon.revoke,
    steal: addon.steal,
    drain: addon.drain,
    owner: addon.owner,
    ownerId: addon.ownerId,
    adopt: addon.adopt,
    closeOwner: addon.closeOwner,
    forgetOwner: addon.forgetOwner,
    tick: addon.tick,
    nextDeadline: addon.nextDeadline,
    query: addon.query,
    encode: addon.encode,
    decode: addon.decode,
    keySet: addon.keySet,
    failure: addon.failure,
    manualClock: addon.manualClock,
    now: addon.now,
    advance: addon.advance,
    cells: () => cellsOf(addon),
  };
  addon.onWake((handle) => {
    native.scratch[Lane.Handle] = handle;
    native.drain();
    settle({ native, handle });
  });
  return native;
}

function handed(raw: RawHanded | null | undefined): RawHanded | undefined {
  if (!raw) return undefined;
  return raw.payload === undefined ? raw : { ...raw, payload: deserialize(raw.payload as Uint8Array) };
}
