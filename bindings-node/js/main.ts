/**
 * All of the package in one CommonJS file, so that `import` and `require` give the same classes and the same spaces.
 *
 * @internal
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { haveAtHand } from "../../bindings-js/src/cells_loading.js";
import { connect } from "../../bindings-js/src/host.js";
import { installInspection } from "../../bindings-js/src/inspect.js";
import { installProcessTimer } from "../../bindings-js/src/process_timer.js";
import { load } from "./load.js";

export * from "../../bindings-js/src/index.js";
export * from "../../bindings-js/src/testing.js";
export { Lock, LockManager, lockManager } from "../../bindings-js/src/web_locks/index.js";

haveAtHand();
connect(load, () => new AsyncLocalStorage());
installInspection();
installProcessTimer();
