/**
 * Loading the binary.
 *
 * @internal
 */

import { invalid, LatchworkError } from "../../bindings-js/src/error.js";
import type { Native } from "../../bindings-js/src/native.js";
import { begin, imports } from "../generated/glue.js";
import { nativeOf } from "./native.js";
import type { Source } from "./source.js";

/** Loads the binary and starts it. There is one instance for each page or worker, whatever loads it first. */
export async function load(source: Source | Promise<Source>): Promise<Native> {
  try {
    const module = await moduleOf(await source);
    // Not `new WebAssembly.Instance`: some browsers refuse that on a page's own thread where the binary is large.
    return nativeOf(begin(await WebAssembly.instantiate(module, imports()), module));
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
