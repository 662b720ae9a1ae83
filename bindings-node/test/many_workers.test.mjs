// Worker threads by the thousand: what they held or waited for goes on, nothing is left, and the time is bounded.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";
import { fresh } from "./actors/start.mjs";

const MANY = 1000;
const TOGETHER = 8;

/** Bounds the time: far more than it takes. */
const LIMIT = { timeout: 180_000 };

test(`${MANY} workers that end while they hold and wait`, LIMIT, async () => {
  const url = fresh("many workers");
  const space = await open(url);
  let number = 0;
  let served = 0;
  const one = async () => {
    while (number < MANY) {
      const mine = number++;
      const worker = new Worker(new URL("actors/brief.cjs", import.meta.url), { workerData: { url, number: mine } });
      const exited = once(worker, "exit");
      const [said] = await once(worker, "message");
      if (said === "waits") await worker.terminate();
      else served++;
      await exited;
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, one));
  assert.equal(served, MANY / 2);
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  const guard = await space.tryLock(["common", ...Array.from({ length: MANY }, (_, each) => `own ${each}`)]);
  assert.equal(guard.keys.length, MANY + 1);
  guard.release();
  await space.close();
});
