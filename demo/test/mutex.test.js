import assert from "node:assert/strict";
import { test } from "node:test";
import { Barrier, Mutexes } from "../js/mutex.js";

test("the mutex that stands for the naive way excludes, in order, and for each name", async () => {
  const mutexes = new Mutexes();
  const order = [];
  const use = async (name, who) => {
    const release = await mutexes.acquire(name);
    order.push(`${who} in`);
    await new Promise(setImmediate);
    order.push(`${who} out`);
    release();
  };
  await Promise.all([use("a", 1), use("a", 2), use("a", 3)]);
  assert.deepEqual(order, ["1 in", "1 out", "2 in", "2 out", "3 in", "3 out"]);
  const held = await mutexes.acquire("a");
  await use("b", 4);
  held();
});

test("the barrier opens for all when the last has come", async () => {
  const barrier = new Barrier(2);
  let opened = false;
  const first = barrier.arrive().then(() => {
    opened = true;
  });
  await new Promise(setImmediate);
  assert.equal(opened, false);
  await barrier.arrive();
  await first;
  assert.equal(opened, true);
});
