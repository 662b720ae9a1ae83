// Where the package runs besides the place of this run.

import { is, same } from "/tests/js/check.mjs";

/** The tests that this place can make. */
export function places(place) {
  if (place !== "page") return [];
  return [
    { suite: "places", name: "a shared worker locks", run: sharedWorker },
    { suite: "places", name: "bytes of another realm are a key", run: otherRealm },
  ];
}

async function sharedWorker() {
  const worker = new SharedWorker(new URL("shared_worker.mjs", import.meta.url), { type: "module" });
  const { port } = worker;
  const answer = await new Promise((resolve, reject) => {
    worker.onerror = () => reject(new Error("the shared worker's script could not be loaded"));
    port.onmessage = (event) => resolve(event.data);
  });
  port.close();
  is(answer, "locked");
}

async function otherRealm() {
  const { open, key } = await import("/bindings-wasm/dist/index.js");
  const frame = document.createElement("iframe");
  document.body.append(frame);
  const bytes = new frame.contentWindow.Uint8Array([1, 2]);
  const space = await open();
  const guard = await space.lock(bytes);
  is(await space.tryLock(new Uint8Array([1, 2])), null, "the same bytes of this realm");
  same(guard.keys, [new Uint8Array([1, 2])], "the keys");
  const tuple = await space.lock(key("x", bytes));
  for (const held of [guard, tuple]) held.release();
  frame.remove();
}
