// Worker threads that lock in every way at once, some of which are ended in the middle of it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";
import { ACTORS, Checker } from "./actors/checker.mjs";
import { fresh } from "./actors/start.mjs";

const PER_WORKER = 6;

/** Starts a worker whose actors have the next numbers. */
function actors(url, checker, number, rounds, locked) {
  const first = number * PER_WORKER;
  assert.ok(first + PER_WORKER <= ACTORS);
  const workerData = { url, memory: checker.memory, first, actors: PER_WORKER, rounds, seed: 7, locked };
  const worker = new Worker(new URL("actors/stress.mjs", import.meta.url), { workerData });
  return { worker, first };
}

/** Runs four workers to their end; answers what they saw. */
async function run(url, checker, rounds, locked) {
  const all = Array.from({ length: 4 }, (_, number) => actors(url, checker, number, rounds, locked));
  const wrong = all.map(async ({ worker }) => {
    const said = [];
    worker.on("message", (message) => said.push(message));
    // Asked for first: what it said last and its end can come in one turn.
    await once(worker, "exit");
    return said[1];
  });
  return (await Promise.all(wrong)).flat();
}

test("nobody is inside with whom it must not be, and nobody is overtaken", async () => {
  const url = fresh("stress");
  const space = await open(url);
  const checker = new Checker();
  assert.deepEqual(await run(url, checker, 800, true), []);
  assert.equal(checker.seen.faults, 0);
  assert.ok(checker.seen.entries > 4 * PER_WORKER * 400, `${checker.seen.entries} entries`);
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});

test("control: without locks the checker sees faults", async () => {
  const checker = new Checker();
  const wrong = await run(fresh("no locks"), checker, 50, false);
  assert.ok(checker.seen.faults > 0);
  assert.ok(wrong.length > 0);
});

test("control: the checker knows each kind of fault", () => {
  const checker = new Checker();
  const [key, other] = [
    { exclusive: [0], shared: [] },
    { exclusive: [], shared: [0] },
  ];
  const at = (begun, joined, token) => ({ begun, joined, token });
  assert.deepEqual(checker.enter(0, key, at(1n, 2n, 1n)), []);
  assert.deepEqual(checker.enter(1, key, at(3n, 4n, 2n)), ["not alone on 0"]);
  assert.deepEqual(checker.enter(2, other, at(5n, 6n, 3n)), ["shares 0 with an exclusive one"]);
  for (const actor of [0, 1]) checker.leave(actor, key);
  assert.deepEqual(checker.enter(3, other, at(20n, 21n, 4n)), []);
  for (const actor of [2, 3]) checker.leave(actor, other);
  assert.deepEqual(checker.enter(0, key, at(7n, 8n, 5n)), ["late on 0"]);
  checker.leave(0, key);
  assert.deepEqual(checker.enter(0, key, at(30n, 31n, 5n)), ["token 5 after 5"]);
  checker.ends(0);
  assert.deepEqual(checker.enter(1, key, at(32n, 33n, 6n)), []);
  assert.deepEqual(checker.seen, { faults: 4, entries: 7 });
});

test("the same while workers are ended", async () => {
  const url = fresh("ended stress");
  const space = await open(url);
  const checker = new Checker();
  const staying = actors(url, checker, 0, 400, true);
  const done = once(staying.worker, "exit");
  const saw = [];
  staying.worker.on("message", (message) => saw.push(message));
  for (let number = 1; number < 10; number++) {
    const { worker, first } = actors(url, checker, number, 1_000_000, true);
    const before = checker.seen.entries;
    await once(worker, "message");
    // In the middle of it: when it has been inside a few times.
    while (checker.seen.entries < before + 100) await new Promise((resolve) => setImmediate(resolve));
    for (let actor = first; actor < first + PER_WORKER; actor++) checker.ends(actor);
    await worker.terminate();
  }
  await done;
  assert.deepEqual(saw, ["begins", []]);
  assert.equal(checker.seen.faults, 0);
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});
