// One wake for all that one step settles for another thread, however much that is.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";
import { end, fresh, start } from "./actors/start.mjs";

const MANY = 1000;
const names = Array.from({ length: MANY }, (_, number) => `key ${number}`);

/** How often a worker is woken that waits for these keys, until it has them all. */
async function wakesOf(url, keys, mode, act) {
  const worker = new Worker(new URL("actors/wakes.mjs", import.meta.url), { workerData: { url, keys, mode } });
  assert.deepEqual(await once(worker, "message"), ["waits"]);
  const counted = once(worker, "message");
  await act();
  const [{ wakes }] = await counted;
  await worker.terminate();
  return wakes;
}

test("a release that lets many in", async () => {
  const url = fresh("wakes of a release");
  const space = await open(url);
  const guard = await space.lock("k");
  const all = names.map(() => "k");
  assert.equal(await wakesOf(url, all, "shared", () => guard.release()), 1);
  await space.close();
});

test("a handle that closes", async () => {
  const url = fresh("wakes of a close");
  const [space, other] = [await open(url), await open(url)];
  for (const key of names) await space.lock(key);
  assert.equal(await wakesOf(url, names, "exclusive", () => space.close()), 1);
  await other.close();
});

test("a worker that goes away", async () => {
  const url = fresh("wakes of an end");
  const space = await open(url);
  const holder = await start(url);
  holder.tell({ task: "holdButFirst", keys: ["first", ...names] });
  assert.equal(await holder.next(), "holds");
  assert.equal(await wakesOf(url, names, "exclusive", () => end(holder)), 1);
  await space.close();
});
