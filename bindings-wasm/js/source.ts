import { invalid } from "../../bindings-js/src/error.js";
import { carried } from "./module.js";

/** Where the binary comes from: its bytes, a compiled module, a response that carries it, or its address. */
export type Source = BufferSource | WebAssembly.Module | Response | URL | string;

/**
 * The binary that is meant, compiled.
 *
 * @internal
 */
export async function moduleOf(given: Source | Promise<Source>): Promise<WebAssembly.Module> {
  const source = await given;
  if (source instanceof WebAssembly.Module) return source;
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return WebAssembly.compile(source);
  if (typeof source === "string" || source instanceof URL) return carried(fetch(source));
  if (source instanceof Response) return carried(source);
  throw invalid("wasm", "must be bytes, a WebAssembly.Module, a Response or a URL");
}
