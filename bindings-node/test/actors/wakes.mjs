// Counts how often the addon wakes this thread: below the package, where a wake can be seen. The lanes are those of
// `bindings-js/src/native.ts`.

import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

const { url, keys, mode } = workerData;
const native = createRequire(import.meta.url)("../../latchwork.node");
const HANDLE = 0;
const SLOT = 1;
const SETTLED = 7;
/** The first of those that say what a request asks for. */
const OWNER = 8;
const SETTLED_MAX = 64;

const handle = native.open(url, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, undefined, "cbor", false);
let wakes = 0;
let granted = 0;

native.onWake((woken) => {
  wakes++;
  do {
    native.scratch[HANDLE] = woken;
    native.drain();
    granted += native.scratch[SETTLED];
  } while (native.scratch[SETTLED] === SETTLED_MAX);
  if (granted === keys.length) {
    // Whatever else was on its way comes before this.
    setImmediate(() => setImmediate(() => parentPort.postMessage({ wakes })));
  }
});
for (const [slot, key] of keys.entries()) {
  native.scratch[HANDLE] = handle;
  native.scratch[SLOT] = slot;
  const [exclusive, shared] = mode === "shared" ? [[], [key]] : [[key], []];
  native.scratch.set([0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0], OWNER);
  native.lockWith(exclusive, shared, undefined);
}
parentPort.postMessage("waits");
