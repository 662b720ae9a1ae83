/**
 * Latchwork for browsers without the binary: the program brings it with {@link start}.
 *
 * @module
 */

import { invalid } from "../../bindings-js/src/error.js";
import { connect, started } from "../../bindings-js/src/host.js";
import { installProcessTimer } from "../../bindings-js/src/process_timer.js";
import { load } from "./module.js";
import { moduleOf, type Source } from "./source.js";

export * from "../../bindings-js/src/index.js";
export type { Source } from "./source.js";

const refuse = async (): Promise<never> => {
  throw invalid("wasm", "call start with the binary before open");
};
connect(refuse);
// It may run in a process too.
installProcessTimer();

/**
 * Brings the binary and starts it. Every `open` from here on uses it; one that is called before is refused.
 *
 * Starting again after a success does nothing. After a failure, call it again.
 *
 * @param binary Its bytes, a compiled module, a `Response`, an address, or a promise of one of these. The file is
 *   `latchwork-web/latchwork_bg.wasm`, of the same version.
 * @throws {LatchworkError} `unavailable` where it cannot be loaded, `invalid` where it is something else.
 *
 * @example
 * ```ts
 * import { open, start } from "latchwork-web/slim";
 *
 * await start(fetch("/assets/latchwork_bg.wasm"));
 * const space = await open();
 * ```
 */
export async function start(binary: Source | Promise<Source>): Promise<void> {
  connect(() => load(moduleOf(binary)));
  try {
    await started();
  } catch (error) {
    connect(refuse);
    throw error;
  }
}
