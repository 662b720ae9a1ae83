// Worker threads that end in the middle of their work on cells (clauses C13, C14, L11), and S15 where a life ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "latchwork";
import { fresh, start } from "./actors/start.mjs";

const begin = (url) => start(url, undefined, "cells.mjs");

test("a thread that ends while it watches leaves nothing behind, and the others hear of everything", async () => {
  const url = fresh("watches");
  const space = await open(url);
  const stays = await begin(url);
  stays.tell({ task: "watch" });
  assert.equal(await stays.next(), 0);
  for (let count = 1; count <= 20; count++) {
    const goes = await begin(url);
    goes.tell({ task: "watch" });
    assert.equal(await goes.next(), count - 1);
    // It may be told, or be on its way to the next wait.
    const ending = goes.worker.terminate();
    await space.set("count", count);
    await ending;
    assert.equal(await stays.next(), count);
  }
  await stays.worker.terminate();
  await space.set("count", "over");
  assert.equal((await space.get("count")).value, "over");
  await space.close();
});

test("a thread that ends in the middle of guarded commits leaves whole ones, and its lock goes on", async () => {
  const url = fresh("commits");
  const space = await open(url);
  let written = 0;
  for (let round = 0; round < 20; round++) {
    const worker = await begin(url);
    worker.tell({ task: "commit" });
    assert.equal(await worker.next(), "holds");
    const next = space.lock("pair");
    // Once it has written, wherever it is then.
    const watch = space.watch("left");
    const before = (await watch.next()).value[0].version;
    if (before === 0) await watch.next();
    await watch.return();
    await worker.worker.terminate();
    const guard = await next;
    assert.equal(guard.abandoned, true);
    const [left, right] = await space.getMany(["left", "right"]);
    assert.deepEqual([left.value, left.version], [right.value, right.version]);
    written += left.value;
    assert.ok((await space.atomic().check(left).delete("left").delete("right").guard(guard).commit()).ok);
    guard.release();
  }
  assert.ok(written > 0, "none has written anything");
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});

async function refresh(guarded) {
  const url = fresh("token");
  const space = await open(url);
  const workers = await Promise.all([1, 2, 3].map(() => begin(url)));
  for (const { tell } of workers) tell({ task: "refresh", guarded });
  const said = new Map(workers.map((worker) => [worker, worker.next()]));
  const first = () => Promise.race([...said].map(([worker, next]) => next.then((message) => ({ worker, message }))));
  return { space, workers, said, first };
}

test("S15: a refresher that dies half-way has a successor; all others go on with its token", async () => {
  const { space, workers, said, first } = await refresh(true);
  const dies = await first();
  assert.equal(dies.message, "refreshes");
  await dies.worker.worker.terminate();
  said.delete(dies.worker);
  const heir = await first();
  assert.equal(heir.message, "refreshes");
  heir.worker.tell({ token: "new" });
  said.set(heir.worker, heir.worker.next());
  const all = await Promise.all(said.values());
  assert.deepEqual(all.flat(), Array(20).fill("new"), "one refresh, and everybody has its token");
  for (const { worker } of workers) await worker.terminate();
  await space.close();
});

test("S15, control: without the lock every thread refreshes", async () => {
  const { space, workers, said } = await refresh(false);
  assert.deepEqual(await Promise.all(said.values()), ["refreshes", "refreshes", "refreshes"]);
  for (const { worker } of workers) await worker.terminate();
  await space.close();
});
