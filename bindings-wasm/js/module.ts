/**
 * Loading the binary.
 *
 * @internal
 */

import { LatchworkError, unavailable } from "../../bindings-js/src/error.js";
import type { Native } from "../../bindings-js/src/native.js";
import type { InitOutput } from "../generated/latchwork_wasm.js";
import { nativeOf } from "./native.js";

/** Starts the binary. There is one instance for each page or worker, whatever loads it first. */
export async function load(compiled: Promise<WebAssembly.Module>): Promise<Native> {
  try {
    const module = await compiled;
    // Not `new WebAssembly.Instance`: some browsers refuse that on a page's own thread where the binary is large.
    const { exports } = await WebAssembly.instantiate(module, imports);
    return nativeOf(exports as unknown as InitOutput);
  } catch (cause) {
    if (cause instanceof LatchworkError) throw cause;
    throw unavailable("the binary", cause);
  }
}

/** The binary that a response carries. */
export async function carried(answer: Response | Promise<Response>): Promise<WebAssembly.Module> {
  const response = await answer;
  if (!response.ok) throw unavailable("the binary", `status=${response.status} url=${response.url}`);
  // Not compiled while it arrives: that needs the right content type, and gains nothing at this size.
  return WebAssembly.compile(await response.arrayBuffer());
}

/** All that the module asks of its host is the time. */
export const imports = { host: { now: () => performance.now() } };
