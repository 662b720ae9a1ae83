// One space per process and name, in every worker thread.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { open } from "latchwork";
import { end, fresh, start } from "./actors/start.mjs";

async function count(task) {
  const memory = new SharedArrayBuffer(8);
  const url = fresh("count");
  const space = await open(url);
  const workers = await Promise.all([start(url, memory), start(url, memory), start(url, memory)]);
  for (const { tell } of workers) tell({ task, rounds: 300, threads: workers.length });
  for (const { next } of workers) assert.equal(await next(), "done");
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await Promise.all(workers.map(end));
  await space.close();
  return new Int32Array(memory)[0];
}

test("a key is held by one thread at a time", async () => {
  assert.equal(await count("add"), 900);
});

test("control: without the lock the threads overwrite each other", async () => {
  assert.equal(await count("addUnlocked"), 300);
});

test("a release in one thread wakes the waiter in another, in order", async () => {
  const url = fresh("wake");
  const space = await open(url);
  const [first, second] = [await start(url), await start(url)];
  const guard = await space.lock("k");
  for (const { tell, next } of [first, second]) {
    tell({ task: "wait", key: "k" });
    assert.equal(await next(), "waits");
  }
  const { pending } = await space.query("k");
  assert.deepEqual(
    pending.map(({ label, position }) => [label, position]),
    [
      [first.name, 1],
      [second.name, 2],
    ],
  );
  guard.release();
  for (const { next } of [first, second]) {
    assert.equal(await next(), "has it");
    assert.equal(await next(), "released");
  }
  // And the other way round.
  second.tell({ task: "hold", key: "l" });
  assert.equal(await second.next(), "holds");
  const mine = space.lock("l");
  await end(second);
  (await mine).release();
  await end(first);
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});

for (const [how, options] of [
  ["", () => undefined],
  [", with a signal", () => ({ signal: new AbortController().signal })],
]) {
  test(`a grant of another thread whose owner is closed before it is seen is cancelled${how}`, async () => {
    const url = fresh("unseen");
    const flag = new Int32Array(new SharedArrayBuffer(8));
    const [space, actor] = [await open(url), await start(url, flag.buffer)];
    const owner = space.owner();
    actor.tell({ task: "lend", key: "k" });
    assert.equal(await actor.next(), "holds");
    const waiting = owner.lock("k", options());
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    // This thread hears of nothing until it was given the key.
    Atomics.wait(flag, 1, 0);
    const closing = owner.close();
    await assert.rejects(waiting, { code: "cancelled" });
    assert.equal(await closing, 1);
    await end(actor);
    assert.deepEqual(await space.query(), { held: [], pending: [] });
    await space.close();
  });
}

test("a worker that is terminated gives back what it held and waited for", async () => {
  const url = fresh("terminated");
  const space = await open(url);
  const [holder, waiter] = [await start(url), await start(url)];
  holder.tell({ task: "hold", key: "k" });
  assert.equal(await holder.next(), "holds");
  waiter.tell({ task: "wait", key: "k" });
  assert.equal(await waiter.next(), "waits");
  const mine = space.lock("k");
  assert.equal((await space.query("k")).pending.length, 2);
  await waiter.worker.terminate();
  assert.equal((await space.query("k")).pending.length, 1);
  await holder.worker.terminate();
  (await mine).release();
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});

test("a worker that fails gives back what it held", async () => {
  const url = fresh("thrown");
  const space = await open(url);
  const { worker, tell } = await start(url);
  const failed = once(worker, "error");
  // Not `once` of node:events: that one rejects at the error.
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  tell({ task: "throw" });
  const [error] = await failed;
  assert.equal(error.message, "worker");
  await exited;
  (await space.lock("thrown")).release();
  await space.close();
});

test("a name is another space when all have closed it", async () => {
  const url = fresh("ended");
  const [here, there] = [await open(url), await start(url)];
  const { epoch } = here;
  await here.close();
  there.tell({ task: "hold", key: "k" });
  assert.equal(await there.next(), "holds");
  const again = await open(url);
  assert.equal(again.epoch, epoch);
  assert.equal(await again.tryLock("k"), null);
  await again.close();
  await end(there);
  const renewed = await open(url);
  assert.notEqual(renewed.epoch, epoch);
  await renewed.close();
});
