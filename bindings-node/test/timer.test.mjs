// What is due in a space that threads share is told whoever of them is blocked.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { open } from "latchwork";
import { manualClock } from "latchwork/testing";
import { end, fresh, start } from "./actors/start.mjs";

/** A worker that blocks its thread as soon as it has asked for the keys, or is inside a turn; `goOn` ends that. */
async function blocked(url, task, script) {
  const memory = new SharedArrayBuffer(8);
  const actor = await start(url, memory, script);
  actor.tell({ task: "block", ...task });
  assert.equal(await actor.next(), "blocks");
  const goOn = () => {
    const word = new Int32Array(memory);
    Atomics.store(word, 0, 1);
    Atomics.notify(word, 0);
  };
  return { ...actor, goOn };
}

/** A worker that waits for a key: says "has it" and "released" when it had it. */
async function waiter(url, key) {
  const actor = await start(url);
  actor.tell({ task: "wait", key });
  assert.equal(await actor.next(), "waits");
  return actor;
}

test("a hold ends though its thread is blocked, and the waiter of another thread has the key", async () => {
  const url = fresh("hold ends");
  const space = await open(url);
  const holder = await blocked(url, { hold: ["k", { maxHold: 20 }] });
  const next = await waiter(url, "k");
  assert.equal(await next.next(), "has it");
  assert.equal(await next.next(), "released");
  // And that of a thread that has been blocked since before the grant: its hold begins there.
  const guard = await space.lock("l");
  const late = await blocked(url, { hold: ["m"], wait: ["l", { maxHold: 20 }] });
  const behind = await waiter(url, "l");
  guard.release();
  assert.equal(await behind.next(), "has it");
  for (const { goOn } of [holder, late]) goOn();
  assert.equal(await holder.next(), "went on");
  await Promise.all([holder, late, next, behind].map(({ worker }) => worker.terminate()));
  await space.close();
});

test("a wait times out though its thread is blocked, and who was queued behind it has the key", async () => {
  const url = fresh("wait ends");
  const space = await open(url);
  const guard = await space.lock("b");
  // It waits for "b"; "a" is free and reserved for it.
  const first = await blocked(url, { hold: ["c"], wait: [["a", "b"], { timeout: 20 }] });
  const second = await waiter(url, "a");
  assert.equal(await second.next(), "has it");
  first.goOn();
  assert.equal(await first.next(), "timeout");
  guard.release();
  await Promise.all([first, second].map(end));
  await space.close();
});

test("a turn ends with the time and the lock of its call though its thread is blocked", async () => {
  const url = fresh("turn ends");
  const space = await open(url);
  const inTurn = (options) => blocked(url, { task: "blocksInTurn", ...options }, "calls.mjs");
  const next = () => space.update("cell", () => "next");
  const timed = await inTurn({ timeout: 20 });
  assert.equal((await next()).attempts, 1);
  timed.goOn();
  assert.equal(await timed.next(), "timeout");
  const guarded = await inTurn({ key: "k" });
  const waits = next();
  assert.equal(await space.revoke("k"), 1);
  assert.equal((await waits).attempts, 1);
  guarded.goOn();
  assert.equal(await guarded.next(), "fenced");
  assert.equal((await space.get("cell")).value, "next");
  await Promise.all([timed, guarded].map(end));
  await space.close();
});

test("a guard is told that it is lost though the thread that asked last is blocked", async () => {
  const url = fresh("lost");
  const space = await open(url);
  const guard = await space.lock("k", { maxHold: 20 });
  const { lost } = guard;
  const other = await blocked(url, { hold: ["l", { maxHold: 10 }] });
  if (!lost.aborted) await once(lost, "abort");
  assert.equal(guard.held, false);
  other.goOn();
  await end(other);
  await space.close();
});

test("a loop that is busy past the end of its lock finds it lost where it looks", async () => {
  const space = await open();
  const guard = await space.lock("k", { maxHold: 2 });
  const { lost } = guard;
  let heard = 0;
  lost.addEventListener("abort", () => heard++);
  const started = performance.now();
  while (performance.now() < started + 5);
  assert.deepEqual([guard.held, lost.aborted], [false, false]);
  assert.deepEqual([guard.lost === lost, lost.aborted, heard], [true, true, 1]);
  // What the loop tells later is not told again.
  for (let round = 0; round < 5; round++) await new Promise(setImmediate);
  assert.deepEqual([guard.lost.aborted, heard], [true, 1]);
  await space.close();
});

test("whoever asks past the end of a lock, before the loop tells it, finds it gone, and the next in line is told", async () => {
  const space = await open();
  const guard = await space.lock("k", { maxHold: 2 });
  const { lost } = guard;
  const next = space.lock("k", { timeout: 60_000 });
  const other = await space.lock("l", { maxHold: 2 });
  const [started, reading] = [performance.now(), guard.lost];
  while (performance.now() < started + 5);
  assert.equal(guard.held, false);
  assert.equal(guard.lost.aborted, true);
  assert.equal(lost.aborted && reading === lost, true);
  assert.equal(await space.tryLock("k"), null, "the next in line has it");
  assert.equal(other.lost.aborted, true, "asked for when it was over");
  assert.ok(await space.tryLock("l"));
  assert.throws(() => guard.release(), { code: "not_held" });
  (await next).release();
  await space.close();
});

test("many spaces have their time kept by turns, and each ends by itself", async () => {
  const spaces = await Promise.all(Array.from({ length: 50 }, () => open(fresh("many"))));
  const waits = spaces.map(async (space, index) => {
    await space.lock("k", { maxHold: 5 + (index % 7) });
    const next = await space.lock("k", { timeout: 60_000 });
    next.release();
    await space.close();
  });
  await Promise.all(waits);
});

test("control: no thread keeps the time of a space whose clock a test moves", async () => {
  const url = fresh("manual");
  const clock = manualClock();
  const [space, other] = [await open(url, { clock }), await open(url, { clock })];
  const guard = await space.lock("k", { maxHold: 1 });
  // In real time this one ends later.
  const real = await open(fresh("real"));
  await real.lock("k", { maxHold: 5 });
  await real.lock("k");
  assert.equal(guard.held, true);
  clock.advance(1);
  (await other.lock("k")).release();
  assert.equal(guard.held, false);
  await Promise.all([space, other, real].map((each) => each.close()));
});
