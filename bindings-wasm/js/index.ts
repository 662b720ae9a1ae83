/**
 * Latchwork for browsers. The binary lies beside this file and is loaded at the first {@link open}.
 *
 * @module
 */

import { connect } from "../../bindings-js/src/host.js";
import { carried, load } from "./module.js";

connect(() => load(carried(fetch(new URL("./latchwork_bg.wasm", import.meta.url)))));

export * from "../../bindings-js/src/index.js";
