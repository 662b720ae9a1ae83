// S7 where it can be seen whole: a worker thread dies while it holds locks.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";
import { fresh } from "./actors/start.mjs";

const DEATHS = 10;
const SPACES = 100;

async function death() {
  const urls = Array.from({ length: SPACES }, () => fresh("dies"));
  const spaces = await Promise.all(urls.map((url) => open(url)));
  const worker = new Worker(new URL("actors/dies.mjs", import.meta.url), { workerData: urls });
  assert.deepEqual(await once(worker, "message"), ["holds"]);
  const rounds = spaces.map((space) => {
    const served = [];
    const wait = async (keys) => {
      const guard = await space.lock(keys);
      served.push(keys.join());
      return guard;
    };
    return { space, served, waits: [["a"], ["b"], ["c"], ["b", "c"]].map(wait) };
  });
  worker.postMessage("release a");
  assert.deepEqual(await once(worker, "message"), ["released"]);
  for (const { served, waits } of rounds) {
    assert.equal((await waits[0]).abandoned, false);
    assert.deepEqual(served, ["a"]);
  }
  await worker.terminate();
  for (const { space, served, waits } of rounds) {
    const [forA, forB, forC] = await Promise.all(waits.slice(0, 3));
    assert.deepEqual([forA.held, forB.abandoned, forC.abandoned], [true, true, true]);
    // Of b and c, which have nothing in common, either can be the first; who wants both comes after both.
    assert.deepEqual(served.sort(), ["a", "b", "c"]);
    forB.release();
    assert.equal((await space.query()).pending.length, 1);
    forC.release();
    const both = await waits[3];
    assert.equal(both.abandoned, true, "it was queued when the worker died");
    both.release();
    const later = await space.lock(["b", "c"]);
    assert.equal(later.abandoned, false, "who comes later is told nothing");
    for (const guard of [forA, later]) guard.release();
    assert.deepEqual(await space.query(), { held: [], pending: [] });
    await space.close();
  }
}

test(`the others go on in order and are told, ${DEATHS * SPACES} times, and the memory stays flat`, async () => {
  await death();
  const before = process.memoryUsage().rss;
  for (let count = 1; count < DEATHS; count++) await death();
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 64 * 2 ** 20, `${grown} bytes more`);
});

/** A flag in memory that is shared, as it is often written: what the dead had is taken for ever. */
test("control: flags in shared memory keep what the dead had", async () => {
  const flags = new Int32Array(new SharedArrayBuffer(12));
  const source = `
    const { parentPort, workerData: flags } = require("node:worker_threads");
    for (const key of [0, 1, 2]) Atomics.store(flags, key, 1);
    Atomics.store(flags, 0, 0);
    parentPort.postMessage("holds");
    setInterval(() => {}, 60_000);
  `;
  const worker = new Worker(source, { eval: true, workerData: flags });
  await once(worker, "message");
  await worker.terminate();
  const takes = (key) => Atomics.compareExchange(flags, key, 0, 1) === 0;
  assert.deepEqual([0, 1, 2].map(takes), [true, false, false]);
});
