// The package's inner modules for the tests, over one instance of the binary.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const { outputFiles } = await build({
  stdin: {
    contents: `
      export { imports } from "./js/module.js";
      export { nativeOf } from "./js/native.js";
      export { read } from "./js/wire.js";
      export { errorOf, LatchworkError } from "../bindings-js/src/error.js";
    `,
    resolveDir: fileURLToPath(new URL("..", import.meta.url)),
  },
  bundle: true,
  format: "esm",
  write: false,
});
const modules = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

export const { errorOf, LatchworkError, nativeOf, read } = modules;

const binary = await readFile(new URL("../generated/latchwork_wasm_bg.wasm", import.meta.url));
const module = await WebAssembly.compile(binary);
const instance = await WebAssembly.instantiate(module, modules.imports);

/** What the module asks of its host. */
export const asked = WebAssembly.Module.imports(module);
/** What the instance exports. */
export const wasm = instance.exports;
export const { memory } = wasm;
