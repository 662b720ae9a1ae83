// Worker threads by the thousand: what they held or waited for goes on, those who wait are told, nothing is left, and time
// and memory are bounded.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";
import { fresh } from "./actors/start.mjs";

const MANY = 2000;
const TOGETHER = 8;
/** The first are not counted: the process takes memory that it keeps. */
const WARM_UP = 200;

/** Bounds the time: several times what it takes, most of which is the start of the threads. */
const LIMIT = { timeout: 300_000 };
/** Bounds the memory: a worker that left a space or a thread's state behind would take some ten times that. */
const GROWTH = 64 * 2 ** 20;

test(`${MANY} workers that end while they hold and wait`, LIMIT, async () => {
  const url = fresh("many workers");
  const space = await open(url);
  let number = 0;
  let base = 0;
  const ways = { served: 0, terminated: 0 };
  const told = { abandoned: 0, not: 0 };
  const one = async () => {
    while (number < MANY) {
      const mine = number++;
      if (mine === WARM_UP) base = process.memoryUsage().rss;
      const worker = new Worker(new URL("actors/brief.cjs", import.meta.url), { workerData: { url, number: mine } });
      const exited = once(worker, "exit");
      const [said] = await once(worker, "message");
      // Queued while the worker holds it: the way in which the worker ends is all that lets this one in.
      const waiting = said === "waits" ? space.lock(`own ${mine}`) : undefined;
      if (said === "waits") await worker.terminate();
      ways[said === "waits" ? "terminated" : "served"]++;
      await exited;
      if (waiting === undefined) continue;
      const guard = await waiting;
      told[guard.abandoned ? "abandoned" : "not"]++;
      guard.release();
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, one));
  assert.deepEqual(ways, { served: MANY / 2, terminated: MANY / 2 });
  assert.deepEqual(told, { abandoned: MANY / 2, not: 0 });
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  const guard = await space.tryLock(["common", ...Array.from({ length: MANY }, (_, each) => `own ${each}`)]);
  assert.equal(guard.keys.length, MANY + 1);
  guard.release();
  const growth = process.memoryUsage().rss - base;
  assert.ok(growth < GROWTH, `${growth} bytes more than after ${WARM_UP} workers`);
  await space.close();
});
