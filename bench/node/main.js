// Times the cases in Node: `node bench/node/main.js [--quick]`.

import { parseArgs } from "node:util";
import AsyncLock from "async-lock";
import { Mutex } from "async-mutex";
import { Sema } from "async-sema";
import { open } from "latchwork";
import { comparison, comparisons, point } from "../js/finding.js";
import { interleave } from "../js/rounds.js";
import { measureCalls } from "./calls.js";
import { measureCells } from "./cells.js";
import { oneByOne } from "./one_by_one.js";
import { processorTime } from "./processor_time.js";
import { Queue } from "./queue.js";
import { runApart, runWebLocks } from "./run_apart.js";

const HOST = "node";
const OPERATIONS = 5_000;
const CONTENDERS = 100;
const MANY = 20_000;

const { values: flags } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const settings = { operations: OPERATIONS, rounds: flags.quick ? 9 : 61, clock: processorTime };
const slow = { ...settings, rounds: flags.quick ? 5 : 21 };

const space = await open();
const asyncLock = new AsyncLock({ maxPending: Number.POSITIVE_INFINITY });

await compare("withLock, one key", settings, [
  oneByOne("Latchwork", (key) => space.withLock(key, async () => {})),
  oneByOne("async-lock", (key) => asyncLock.acquire(key, async () => {})),
]);

await compare("withLock, two keys", settings, [
  oneByOne("Latchwork", (key, other) => space.withLock([key, other], async () => {})),
  oneByOne("async-lock", (key, other) => asyncLock.acquire([key, other], async () => {})),
]);

// What each thing costs that a request can say; no peer has all of them.
const options = {
  "a label": { label: "checkout" },
  "a time-out": { timeout: 5_000 },
  "shared mode": { mode: "shared" },
};
options["an owner"] = { owner: space.owner("bench") };
for (const [what, said] of Object.entries(options)) {
  await compare(`withLock with ${what}`, settings, [
    oneByOne("Latchwork", (key) => space.withLock(key, said, async () => {})),
    oneByOne("without options", (key) => space.withLock(key, async () => {})),
  ]);
}

const queue = new Queue();
await compare("withLock, 100 contenders", settings, [
  together("Latchwork", CONTENDERS, () => space.withLock("page", async () => {})),
  together("async-lock", CONTENDERS, () => asyncLock.acquire("page", async () => {})),
  together("queue by hand, own contexts", CONTENDERS, () => queue.withLock(async () => {})),
]);

const mutex = new Mutex();
await compare("lock + release", settings, [
  oneByOne("Latchwork", async (key) => (await space.lock(key)).release()),
  oneByOne("async-mutex", async () => (await mutex.acquire())()),
]);

const semaphore = new Sema(1);
let tail = Promise.resolve();
const crowd = (waiters) => [
  together("Latchwork", waiters, () => space.withLock("page", async () => {})),
  together("async-lock", waiters, () => asyncLock.acquire("page", async () => {})),
  together("async-mutex", waiters, () => mutex.runExclusive(async () => {})),
  together("async-sema", waiters, async () => {
    await semaphore.acquire();
    semaphore.release();
  }),
  together("queue by hand, own contexts", waiters, () => queue.withLock(async () => {})),
  // One key, no key to forget, nobody can leave the queue: the least that any queue costs.
  together("promise chain by hand", waiters, () => {
    tail = tail.then(async () => {});
    return tail;
  }),
];
const PEERS = 3;
// With 100,000 waiters these two take minutes.
const QUADRATIC = ["async-lock", "async-mutex"];

for (const waiters of flags.quick ? [10, MANY] : [10, 100, 1_000, 10_000, MANY, 100_000]) {
  const sides = crowd(waiters).filter((side) => waiters <= MANY || !QUADRATIC.includes(side.name));
  console.log(`withLock, ${waiters} waiters for one key: ${sides.map((side) => side.name).join(", ")}`);
  const costs = await interleave(sides, { ...slow, operations: Math.max(waiters, OPERATIONS) });
  for (const [side, { name }] of sides.entries()) point(HOST, "waiters", `withLock, ${name}`, waiters, costs[side]);
  if (waiters !== MANY) continue;
  const [ours, ...others] = costs;
  const best = ours.map((_, round) => Math.min(...others.slice(0, PEERS).map((theirs) => theirs[round])));
  comparison(HOST, "20,000 waiters, each", "best of async-lock, async-mutex, async-sema", ours, best);
  for (const side of [PEERS, PEERS + 1]) {
    comparison(HOST, "20,000 waiters, each", sides[side + 1].name, ours, others[side]);
  }
}

await measureCells(HOST, space, slow);
await measureCalls(HOST, space, slow);
await space.close();
await runApart("ambient.js", flags.quick);
await runWebLocks(flags.quick);

/** Compares our side, the first, with each of the others. */
async function compare(name, how, sides) {
  console.log(`${name}: ${sides.map((side) => side.name).join(", ")}`);
  comparisons(HOST, name, sides, await interleave(sides, how));
}

/** So many at a time, which all want the same key. */
function together(name, contenders, job) {
  return {
    name,
    run: (section, operations) =>
      section(async () => {
        for (let done = 0; done < operations; done += contenders) {
          const all = [];
          for (let contender = 0; contender < contenders; contender++) all.push(job());
          await Promise.all(all);
        }
      }),
  };
}
