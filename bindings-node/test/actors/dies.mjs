// A worker thread that holds {a, b, c} in many spaces, gives a back when it is told to, and never says that it ends.

import { parentPort, workerData } from "node:worker_threads";
import { open } from "latchwork";

const guards = [];
for (const url of workerData) guards.push(await (await open(url)).lock(["a", "b", "c"]));
parentPort.once("message", () => {
  for (const guard of guards) guard.release("a");
  parentPort.postMessage("released");
  // It lives until it is ended.
  setInterval(() => {}, 60_000);
});
parentPort.postMessage("holds");
