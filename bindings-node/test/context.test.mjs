// A waiter goes on in its own async context, never in the releaser's (clause L18).

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { open } from "latchwork";
import { manualClock } from "latchwork/testing";

const storage = new AsyncLocalStorage();
const who = () => storage.getStore();

test("a waiter goes on in its own context", async () => {
  const space = await open();
  const guard = await storage.run("holder", () => space.lock("k"));
  const seen = [];
  const waiting = ["first", "second"].flatMap((name) => [
    storage.run(name, () => space.withLock("k", () => seen.push([name, who()]))),
    storage.run(name, async () => {
      const mine = await space.lock("k");
      seen.push([name, who()]);
      mine.release();
    }),
    storage.run(name, () =>
      space.lock("k").then((mine) => {
        seen.push([name, who()]);
        mine.release();
      }),
    ),
  ]);
  storage.run("releaser", () => guard.release());
  await Promise.all(waiting);
  assert.equal(seen.length, 6);
  for (const [name, context] of seen) assert.equal(context, name);
  await space.close();
});

test("so do those who time out, are aborted, or lose their space", async () => {
  const clock = manualClock();
  const space = await open(undefined, { clock });
  await space.lock("k");
  const stop = new AbortController();
  const seen = [];
  const fail = (name, options) =>
    storage.run(name, async () => {
      try {
        await space.lock("k", options);
      } catch {
        seen.push([name, who()]);
      }
    });
  const all = [fail("timed out", { timeout: 5 }), fail("aborted", { signal: stop.signal }), fail("closed", {})];
  storage.run("clock", () => clock.advance(5));
  storage.run("aborter", () => stop.abort());
  await turn();
  await storage.run("closer", () => space.close());
  await Promise.all(all);
  assert.deepEqual(seen, [
    ["timed out", "timed out"],
    ["aborted", "aborted"],
    ["closed", "closed"],
  ]);
});

test("the releaser keeps its own", async () => {
  const space = await open();
  await storage.run("releaser", async () => {
    await space.withLock("k", async () => {
      await turn();
      assert.equal(who(), "releaser");
    });
    assert.equal(who(), "releaser");
  });
  await space.close();
});
