// A worker that goes away without a word (clause L11): what it held goes on, and who was queued for it is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "latchwork";
import { end, fresh, start } from "./actors/start.mjs";

const WAYS = {
  terminate: ({ worker }) => worker.terminate(),
  "process.exit()": ({ worker, tell }) => ended(worker, () => tell({ task: "exit" })),
  "an end by itself": ({ worker, tell }) => ended(worker, () => tell({ task: "end" })),
  "an uncaught error": ({ worker, tell }) => ended(worker, () => tell({ task: "throw" })),
};

/** Not `once` of node:events: that one rejects at the error. */
function ended(worker, act) {
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  worker.once("error", () => {});
  act();
  return exited;
}

for (const [way, go] of Object.entries(WAYS)) {
  test(`who waits for what a worker held is told that it is abandoned: ${way}`, async () => {
    const url = fresh("abandoned");
    const space = await open(url);
    const actor = await start(url);
    actor.tell({ task: "holdButFirst", keys: ["a", "b", "c"] });
    assert.equal(await actor.next(), "holds");
    const waiting = ["a", "b", "c"].map((key) => space.lock(key));
    const both = space.withLock(["b", "c"], (guard) => guard.abandoned);
    const shared = space.lock("c", { mode: "shared" });
    // Given back before it went.
    assert.equal((await waiting[0]).abandoned, false);
    assert.deepEqual(
      (await space.query()).pending.map((wait) => wait.keys),
      [["b"], ["c"], ["b", "c"], []],
    );
    await go(actor);
    for (const wait of waiting.slice(1)) {
      const guard = await wait;
      assert.equal(guard.abandoned, true);
      guard.release();
    }
    // All that were queued, also those that are served later.
    assert.equal(await both, true);
    const guard = await shared;
    assert.equal(guard.abandoned, true);
    guard.release();
    (await waiting[0]).release();
    assert.deepEqual(await space.query(), { held: [], pending: [] });
    // No marks are kept.
    assert.equal((await space.lock("b")).abandoned, false);
    await space.close();
  });
}

test("a release, a close and a free key mark nothing", async () => {
  const url = fresh("not abandoned");
  const [space, other] = [await open(url), await open(url)];
  const guards = [await space.lock("released"), await other.lock("closed")];
  const waiting = [space.lock("released"), space.lock("closed")];
  guards[0].release();
  await other.close();
  for (const wait of waiting) assert.equal((await wait).abandoned, false);
  const actor = await start(url);
  actor.tell({ task: "hold", key: "free" });
  assert.equal(await actor.next(), "holds");
  await actor.worker.terminate();
  assert.equal((await space.lock("free")).abandoned, false);
  await space.close();
});

test("a worker whose wait is over before it goes marks nothing, and its wait lets others through", async () => {
  const url = fresh("waited");
  const space = await open(url);
  const [first, second] = [await start(url), await start(url)];
  const guard = await space.lock("k", { mode: "shared" });
  first.tell({ task: "wait", key: "k" });
  assert.equal(await first.next(), "waits");
  const behind = space.lock("k", { mode: "shared" });
  second.tell({ task: "wait", key: "k" });
  assert.equal(await second.next(), "waits");
  await first.worker.terminate();
  assert.equal((await behind).abandoned, false);
  (await behind).release();
  guard.release();
  assert.equal(await second.next(), "has it");
  assert.equal(await second.next(), "released");
  await end(second);
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});
