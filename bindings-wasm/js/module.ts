/**
 * Loading the binary, and the native part that it is.
 *
 * @internal
 */

import init, * as wasm from "../generated/latchwork_wasm.js";
import { invalid, LatchworkError } from "../../bindings-js/src/error.js";
import { LANES, type Native } from "../../bindings-js/src/native.js";

/** Where the binary comes from: its bytes, a compiled module, a response that carries it, or its address. */
export type Source = BufferSource | WebAssembly.Module | Response | URL | string;

/** Loads the binary and starts it. There is one instance for each page or worker, whatever loads it first. */
export async function load(source: Source | Promise<Source>): Promise<Native> {
  try {
    const { memory } = await init({ module_or_path: await moduleOf(await source) });
    return nativeOf(memory);
  } catch (cause) {
    if (cause instanceof LatchworkError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unavailable(why, cause);
  }
}

async function moduleOf(source: Source): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return WebAssembly.compile(source);
  if (typeof source === "string" || source instanceof URL) return moduleOf(await fetch(source));
  if (source instanceof Response) {
    if (!source.ok) throw unavailable(`status=${source.status} url=${source.url}`);
    // Not compiled while it arrives: that needs the right content type, and gains nothing at this size.
    return WebAssembly.compile(await source.arrayBuffer());
  }
  throw invalid("wasm", "must be bytes, a WebAssembly.Module, a Response or a URL");
}

function unavailable(why: string, cause?: unknown): LatchworkError {
  return new LatchworkError("unavailable", `the binary cannot be loaded: ${why}`, { cause });
}

function nativeOf(memory: WebAssembly.Memory): Native {
  const address = wasm.scratchAddress();
  let scratch = new Float64Array(memory.buffer, address, LANES);
  return {
    get scratch() {
      // The module's memory moves when it grows; a view of the old one is empty then.
      if (scratch.length === 0) scratch = new Float64Array(memory.buffer, address, LANES);
      return scratch;
    },
    open: wasm.open,
    epoch: wasm.epoch,
    close: wasm.close,
    lock: wasm.lock,
    lockWith: wasm.lockWith,
    tryLock: wasm.tryLock,
    tryLockWith: wasm.tryLockWith,
    release: wasm.release,
    cancel: wasm.cancel,
    confirm: wasm.confirm,
    drain: wasm.drain,
    tick: wasm.tick,
    nextDeadline: wasm.nextDeadline,
    query: wasm.query,
    encode: wasm.encode,
    decode: wasm.decode,
    keySet: wasm.keySet,
    failure: wasm.failure,
    manualClock: wasm.manualClock,
    advance: wasm.advance,
    // There is one thread: every call reports what it settled for all handles, and nothing settles in between.
    onWake() {},
  };
}
