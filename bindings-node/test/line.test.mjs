// Requests that are sure to wait cross together: nobody can tell.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { open } from "latchwork";
import { manualClock } from "latchwork/testing";
import { fresh } from "./actors/start.mjs";

const native = createRequire(import.meta.url)("../latchwork.node");
/** The lane that says how many are written down. */
const JOINS = native.scratch.length - 2 * 64 - 1;

const written = () => native.scratch[JOINS];
const labelled = ({ pending }) => pending.map(({ keys, position }) => [...keys, position]);

/** A space in which somebody holds a key, and one waits for it. */
async function crowded(key = "k", ...how) {
  const space = await open(...how);
  const guard = await space.lock(key);
  return { space, guard, waiting: [space.lock(key)] };
}

/** Lets them all have their turn; answers the tokens in the order of the requests. */
async function inTurn(guard, waiting) {
  const tokens = [];
  guard.release();
  for (const next of waiting) {
    const { value } = await Promise.race([next.then((value) => ({ value })), new Promise(setImmediate)]);
    tokens.push(value.token);
    value.release();
  }
  return tokens;
}

function assertRising(tokens) {
  assert.deepEqual(
    tokens,
    [...new Set(tokens)].sort((one, other) => one - other),
  );
}

test("they are written down, and made when the script that runs comes to its end", async () => {
  const { space, guard, waiting } = await crowded();
  waiting.push(space.lock("k"), space.lock("k"));
  assert.equal(written(), 2);
  await undefined;
  await undefined;
  assert.equal(written(), 0);
  waiting.push(space.lock("k"));
  assert.equal(written(), 1);
  assertRising(await inTurn(guard, waiting));
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});

test("more than can be written down keep their order", async () => {
  const { space, guard, waiting } = await crowded();
  for (let count = 0; count < 1000; count++) waiting.push(space.lock("k"));
  assertRising(await inTurn(guard, waiting));
  await space.close();
});

test("every other call finds them made", async () => {
  const { space, guard, waiting } = await crowded();
  waiting.push(space.lock("k"));
  assert.equal(written(), 1);
  const pending = labelled(await space.query());
  assert.deepEqual(pending, [
    ["k", 1],
    ["k", 2],
  ]);
  const calls = {
    tryLock: () => space.tryLock("k"),
    "another key": () => space.lock("other").then((other) => other.release()),
    "several keys": () => waiting.push(space.lock(["k", "other"])),
    "with options": () => waiting.push(space.lock("k", { label: "said" })),
    held: () => guard.held,
    get: () => space.get("k"),
    set: () => space.set("k", 1),
    transact: () => space.transact(() => {}),
  };
  for (const [name, call] of Object.entries(calls)) {
    waiting.push(space.lock("k"));
    // After another kind of request a line begins with the next that waits.
    const before = written();
    await call();
    assert.equal(written(), 0, `${name}, after ${before}`);
  }
  assertRising(await inTurn(guard, waiting));
  await space.close();
});

test("a key that nobody waits for any more is free", async () => {
  const { space, guard, waiting } = await crowded();
  waiting.push(space.lock("k"));
  assertRising(await inTurn(guard, waiting));
  let ran = false;
  const done = space.withLock("k", () => {
    ran = true;
  });
  assert.ok(ran, "it did not start within the call");
  await done;
  await space.close();
});

test("other keys, and the same key of other spaces, are not meant", async () => {
  const { space, guard, waiting } = await crowded();
  const [other, named] = [await open(), await open(fresh("line"))];
  for (const free of [await space.lock("l"), await other.lock("k"), await named.lock("k")]) {
    assert.equal(written(), 0);
    free.release();
  }
  const crowd = await crowded("l");
  const holders = [await other.lock("k"), await named.lock("k")];
  const behind = [other.lock("k"), named.lock("k")];
  waiting.push(space.lock("k"), space.lock("k"));
  crowd.waiting.push(crowd.space.lock("l"), crowd.space.lock("l"));
  behind.push(named.lock("k"));
  assert.deepEqual(labelled(await named.query()), [
    ["k", 1],
    ["k", 2],
  ]);
  assertRising(await inTurn(crowd.guard, crowd.waiting));
  assertRising(await inTurn(guard, waiting));
  assertRising(await inTurn(holders[0], [behind[0]]));
  assertRising(await inTurn(holders[1], behind.slice(1)));
  for (const each of [space, other, named, crowd.space]) await each.close();
});

test("numbers and bytes are no texts", async () => {
  const { space, guard, waiting } = await crowded("1");
  const [number, bytes] = [await space.lock(1), await space.lock(Uint8Array.of(49))];
  waiting.push(space.lock("1"));
  number.release();
  bytes.release();
  assertRising(await inTurn(guard, waiting));
  await space.close();
});

test("a close tells those that are written down", async () => {
  const { space, waiting } = await crowded();
  for (let count = 0; count < 200; count++) waiting.push(space.lock("k"));
  const ends = Promise.allSettled(waiting);
  await space.close();
  waiting.push(space.lock("k"));
  for (const { reason } of await ends) assert.equal(reason.code, "closed");
  await assert.rejects(waiting.at(-1), { code: "closed" });
});

test("where there is a limit none is written down", async () => {
  const { space, guard, waiting } = await crowded("k", undefined, { maxWaiters: 2 });
  waiting.push(space.lock("k"));
  assert.equal(written(), 0);
  await Promise.all([1, 2, 3].map(() => assert.rejects(space.lock("k"), { code: "busy" })));
  assertRising(await inTurn(guard, waiting));
  await space.close();
});

test("its age is that of the call, to the turn", async () => {
  const clock = manualClock();
  const { space, guard, waiting } = await crowded("k", undefined, { clock });
  waiting.push(space.lock("k"));
  assert.equal(written(), 1);
  await new Promise(setImmediate);
  clock.advance(30);
  const { pending } = await space.query();
  assert.deepEqual(new Set(pending.map(({ age }) => age)), new Set([30]));
  assertRising(await inTurn(guard, waiting));
  await space.close();
});
