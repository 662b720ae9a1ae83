/**
 * Latchwork's browser package in Node, for tests and server-side rendering. Programs for Node use the package `latchwork`.
 *
 * @module
 */

import { connect } from "../../bindings-js/src/host.js";
import { installInspection } from "../../bindings-js/src/inspect.js";
import { installProcessTimer } from "../../bindings-js/src/process_timer.js";
import { load } from "./module.js";

connect(async () => {
  const { readFile } = await import("node:fs/promises");
  return load(readFile(new URL("./latchwork_bg.wasm", import.meta.url)).then((bytes) => WebAssembly.compile(bytes)));
});

installInspection();
installProcessTimer();

export * from "../../bindings-js/src/index.js";
