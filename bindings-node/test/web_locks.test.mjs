// The Web Locks API over a named space, across worker threads.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { test } from "node:test";
import { open } from "latchwork";
import { lockManager } from "latchwork/web-locks";
import { fresh, start } from "./actors/start.mjs";

const actor = (url) => start(url, undefined, "web_locks.mjs");

async function threads(count, body) {
  const url = fresh("web locks");
  const space = await open(url);
  const actors = await Promise.all(Array.from({ length: count }, () => actor(url)));
  try {
    await body(lockManager(space), ...actors);
  } finally {
    await Promise.all(actors.map(({ worker }) => worker.terminate()));
    await space.close();
  }
}

test("a lock of one thread keeps another one waiting; null for who does not wait", () =>
  threads(1, async (locks, { tell, next }) => {
    tell({ task: "hold", name: "k" });
    assert.deepEqual(await next(), ["runs", "exclusive"]);
    assert.equal(await locks.request("k", { ifAvailable: true }, (lock) => lock), null);
    const order = [];
    const mine = locks.request("k", () => order.push("granted"));
    assert.equal((await locks.query()).pending.length, 1);
    order.push("waits");
    tell({ task: "release", value: "value" });
    await mine;
    assert.deepEqual(order, ["waits", "granted"]);
    assert.deepEqual(await next(), ["done", "value"]);
  }));

test("a steal tells the holder in the other thread, and what is queued there waits for the thief", () =>
  threads(2, async (locks, holder, queued) => {
    holder.tell({ task: "hold", name: "k" });
    assert.deepEqual(await holder.next(), ["runs", "exclusive"]);
    queued.tell({ task: "hold", name: "k", options: { mode: "shared" } });
    while ((await locks.query()).pending.length < 1) await new Promise(setImmediate);
    await locks.request("k", { steal: true }, async () => {
      assert.deepEqual(await holder.next(), ["failed", "AbortError", true]);
      const { held, pending } = await locks.query();
      assert.deepEqual([held.length, pending.length], [1, 1]);
      // The end of the callback of who lost it changes nothing.
      holder.tell({ task: "release" });
      holder.tell({ task: "hold", name: "k", options: { ifAvailable: true } });
      assert.deepEqual(await holder.next(), ["runs", null]);
      assert.deepEqual(await holder.next(), ["done", null]);
    });
    assert.deepEqual(await queued.next(), ["runs", "shared"]);
    // And back: the other thread steals from this one and from the third.
    const mine = locks.request("k", { mode: "shared" }, () => new Promise(() => {}));
    const failed = assert.rejects(mine, { name: "AbortError" });
    holder.tell({ task: "hold", name: "k", options: { steal: true } });
    await failed;
    assert.deepEqual(await queued.next(), ["failed", "AbortError", true]);
  }));

test("each thread is a client of its own, and a snapshot tells whose request is whose", () =>
  threads(2, async (locks, one, other) => {
    const ids = [];
    for (const { tell, next } of [one, other]) {
      tell({ task: "clientId" });
      ids.push(await next());
    }
    await locks.request("k", async () => {
      ids.push((await locks.query()).held[0].clientId);
      for (const [index, { tell }] of [one, other].entries()) {
        tell({ task: "hold", name: "k", options: { mode: "shared" } });
        while ((await locks.query()).pending.length <= index) await new Promise(setImmediate);
      }
      const { pending } = await locks.query();
      assert.deepEqual(
        pending.map(({ clientId }) => clientId),
        ids.slice(0, 2),
      );
    });
    assert.equal(new Set(ids).size, 3);
  }));

test("a thread that ends lets go what it holds and what it waits for", () =>
  threads(2, async (locks, holder, waiting) => {
    holder.tell({ task: "hold", name: "k" });
    await holder.next();
    waiting.tell({ task: "hold", name: "k" });
    while ((await locks.query()).pending.length < 1) await new Promise(setImmediate);
    const mine = locks.request("k", () => "mine");
    waiting.worker.terminate();
    await once(waiting.worker, "exit");
    holder.worker.terminate();
    assert.equal(await mine, "mine");
    assert.deepEqual(await locks.query(), { held: [], pending: [] });
  }));

test("a callback runs in the async context of its request", async () => {
  const storage = new AsyncLocalStorage();
  const space = await open();
  const locks = lockManager(space);
  let release;
  const held = locks.request("k", () => new Promise((resolve) => (release = resolve)));
  const { signal } = new AbortController();
  const requests = [{}, { signal }, { mode: "shared" }, { ifAvailable: true }].map((options, index) =>
    storage.run(index, () => locks.request("k", options, async () => storage.getStore())),
  );
  while (release === undefined) await new Promise(setImmediate);
  storage.run("releaser", release);
  await held;
  assert.deepEqual(await Promise.all(requests), [0, 1, 2, 3]);
  assert.equal(
    await storage.run("thief", () => locks.request("k", { steal: true }, () => storage.getStore())),
    "thief",
  );
  await space.close();
});
