// Cells across worker threads, and across the border.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "latchwork";
import { end, fresh, start } from "./actors/start.mjs";

test("a write of a worker whose guard was taken away is fenced; who watches in another thread hears of the one before", async () => {
  const url = fresh("guarded");
  const space = await open(url);
  const watch = space.watch("doc");
  assert.equal((await watch.next()).value[0].version, 0);
  const worker = await start(url);
  worker.tell({ task: "guarded", key: "doc" });
  assert.equal(await worker.next(), "holds");
  assert.equal(await worker.next(), "ready to write");
  const next = watch.next();
  worker.tell({ write: 1 });
  assert.equal(await worker.next(), "written");
  assert.equal((await next).value[0].value, 1);
  assert.equal(await space.revoke("doc"), 1);
  worker.tell({ write: 2 });
  assert.equal(await worker.next(), "fenced");
  assert.equal((await space.get("doc")).value, 1);
  await watch.return();
  await end(worker);
  await space.close();
});

test("a write has taken effect when its call returns, also the first one of a space", async () => {
  const space = await open();
  const guard = await space.lock("doc");
  const written = space.set("doc", 1, { guard });
  guard.release();
  const fenced = space.set("doc", 2, { guard });
  assert.equal((await space.get("doc")).value, 1);
  assert.ok((await written).version > 0);
  await assert.rejects(fenced, { code: "fenced" });
  await space.close();
});

// Short ones cross in memory that is shared, longer ones as arrays of their own: see `js/cells.ts`.
test("values of every length come back as they went, by every way", async () => {
  const space = await open(undefined, { codec: "bytes" });
  const stays = await space.set("stays", Uint8Array.of(7));
  for (const length of [0, 1, 31, 32, 33, 64, 65, 1023, 1024, 1025, 5000]) {
    const value = Uint8Array.from({ length }, (_, index) => index % 251);
    await space.set("a", value);
    assert.deepEqual((await space.get("a")).value, value);
    assert.deepEqual((await space.insert("a", new Uint8Array(3))).entry.value, value);
    await space.update("a", (seen) => seen.toReversed());
    assert.deepEqual((await space.get("a")).value, value.toReversed());
    await space.transact(async (tx) => {
      const { value: seen } = await tx.get("a");
      await tx.set("a", seen.toReversed());
      await tx.set("b", seen);
    });
    const [a, b] = await space.getMany(["a", "b"]);
    assert.deepEqual([a.value, b.value], [value, value.toReversed()]);
    assert.equal((await space.get("nothing")).value, undefined);
  }
  assert.deepEqual(await space.get("stays"), { key: "stays", value: Uint8Array.of(7), version: stays.version });
});
