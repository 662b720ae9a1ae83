/**
 * Latchwork for browsers with the binary inside the script, for where no second file can be served.
 *
 * @module
 */

import { connect } from "../../bindings-js/src/host.js";
import { installProcessTimer } from "../../bindings-js/src/process_timer.js";
import { binary } from "../generated/inline_binary.js";
import { load } from "./module.js";

connect(() => load(WebAssembly.compile(Uint8Array.from(atob(binary), (character) => character.charCodeAt(0)))));
// It may run in a process too.
installProcessTimer();

export * from "../../bindings-js/src/index.js";
