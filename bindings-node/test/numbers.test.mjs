// Numbers that cross the border are never used again, however many there have been.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { key, open } from "latchwork";

const native = createRequire(import.meta.url)("../latchwork.node");

/** As many as 32 bits can tell apart. */
const MANY = 2 ** 32;

test("calls, watches and owners after as many as 32 bits can tell apart", async () => {
  const space = await open();
  const first = space.owner("first");
  const held = await first.lock("a");
  let goes;
  const early = space.update("early", async () => {
    await new Promise((resolve) => {
      goes = resolve;
    });
    return 1;
  });
  native.skipNumbers(MANY - 1);
  // Those of the script, which come back with what they are told.
  space.watches.last = MANY;

  const [owner, other] = [space.owner("later"), space.owner("last")];
  const waiting = owner.lock("a");
  await assert.rejects(first.lock("a"), { code: "deadlock" });
  const { held: holds, pending } = await space.query("a");
  assert.deepEqual([holds[0].owner.label, pending[0].owner.label], ["first", "later"]);
  held.release();
  const guard = await waiting;
  await guard.handOver(other, "payload");
  const next = other.handedOver[Symbol.asyncIterator]();
  const { value: given } = await next.next();
  assert.equal(given.payload, "payload");
  let lost = false;
  given.lost.addEventListener("abort", () => {
    lost = true;
  });
  await space.revoke("a");
  assert.ok(lost);

  const job = space.transact(async (tx) => {
    const { value, version } = await tx.get("job");
    if (version === 0) tx.retry();
    return value;
  });
  const watched = space.watch(key("seen"));
  assert.equal((await watched.next()).value[0].version, 0);
  const change = watched.next();
  await space.set("job", "paint");
  assert.equal((await job).value, "paint");
  await space.set(key("seen"), 1);
  assert.equal((await change).value[0].value, 1);
  await watched.return();
  goes();
  assert.equal((await early).value, 1);
  await space.close();
});
