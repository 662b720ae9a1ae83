// Starts worker threads that do what they are told: `worker.mjs`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

let names = 0;

/** A name that nobody has used. */
export function fresh(what) {
  return `memory:${what} ${++names}`;
}

/** Starts a worker; answers functions to send it a task, to wait for what it says next, and to end it. */
export async function start(url, memory = new SharedArrayBuffer(8), script = "worker.mjs") {
  const name = `worker ${++names}`;
  const worker = new Worker(new URL(script, import.meta.url), { workerData: { url, memory, name } });
  const said = [];
  const listeners = [];
  worker.on("message", (message) => {
    said.push(message);
    listeners.shift()?.();
  });
  const next = async () => {
    if (said.length === 0) await new Promise((resolve) => listeners.push(resolve));
    return said.shift();
  };
  assert.equal(await next(), "ready");
  const tell = (task) => worker.postMessage(task);
  return { worker, next, name, tell };
}

/** Has a worker end by itself. */
export async function end({ worker, tell }) {
  tell({ task: "end" });
  await once(worker, "exit");
}
