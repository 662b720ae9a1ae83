// Cells across worker threads.

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
