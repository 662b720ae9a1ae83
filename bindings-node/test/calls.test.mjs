// Updates and transactions across worker threads: each body runs in the thread that called.

import assert from "node:assert/strict";
import { test } from "node:test";
import { key, open } from "latchwork";
import { end, fresh, start } from "./actors/start.mjs";
import { faultsOfCell } from "./histories/cell.mjs";
import { faultsOfMoney } from "./histories/money.mjs";

const THREADS = 4;
const ACCOUNTS = 6;
const EACH = 50;

/** Has so many workers do a task; answers what each says in the end. */
async function all(url, task, count = THREADS) {
  const memory = new SharedArrayBuffer(8);
  const workers = await Promise.all(Array.from({ length: count }, () => start(url, memory, "calls.mjs")));
  for (const [seed, { tell }] of workers.entries()) tell({ ...task, seed });
  const answers = await Promise.all(workers.map(({ next }) => next()));
  await Promise.all(workers.map(end));
  return answers;
}

async function historyOf(naive) {
  const url = fresh("history");
  const space = await open(url);
  await space.set("cell", "start");
  const answers = await all(url, { task: "history", rounds: 300, naive });
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
  const runs = Math.max(...answers.map((answer) => answer.runs));
  return {
    faults: faultsOfCell(
      answers.flatMap((answer) => answer.history),
      "start",
    ),
    runs,
  };
}

test("what threads see of a cell that they update is one thing after another", async () => {
  const { faults, runs } = await historyOf(false);
  assert.deepEqual(faults, []);
  assert.ok(runs > 1 && runs <= 4, `a function ran ${runs} times`);
});

test("control: threads that read and then write lose updates", async () => {
  assert.notDeepEqual((await historyOf(true)).faults, []);
});

async function booksOf(naive) {
  const url = fresh("bank");
  const space = await open(url);
  const initial = Array.from({ length: ACCOUNTS }, () => EACH);
  for (const [number, balance] of initial.entries()) await space.set(key("account", number), balance);
  const answers = await all(url, { task: "bank", rounds: 200, accounts: ACCOUNTS, naive });
  const final = (await space.list({ prefix: key("account") })).map(({ value }) => value);
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
  const [transfers, audits] = ["transfers", "audits"].map((what) => answers.flatMap((answer) => answer[what]));
  const runs = Math.max(...answers.map((answer) => answer.runs));
  return { faults: faultsOfMoney({ initial, transfers, audits, final }), transfers, runs };
}

test("threads that transfer money lose none, and every audit has the total", async () => {
  const { faults, transfers, runs } = await booksOf(false);
  assert.deepEqual(faults, []);
  assert.ok(transfers.length > 100, `only ${transfers.length} transfers`);
  assert.ok(runs <= 5, `a body ran ${runs} times`);
});

test("control: threads that read and then write lose money", async () => {
  assert.notDeepEqual((await booksOf(true)).faults, []);
});

test("a turn goes from thread to thread, in order", async () => {
  const url = fresh("turn");
  const space = await open(url);
  const [holder, first, second] = await Promise.all(
    Array.from({ length: 3 }, () => start(url, undefined, "calls.mjs")),
  );
  holder.tell({ task: "inTurn" });
  assert.equal(await holder.next(), "in its turn");
  for (const { tell, next } of [first, second]) {
    tell({ task: "waits" });
    assert.equal(await next(), "waits");
  }
  // The code for cells is there then.
  await space.get("cell");
  const mine = space.update("cell", (value) => value + 1);
  const { held, pending } = await space.query();
  assert.equal(held.length, 1);
  assert.deepEqual(
    pending.map(({ label }) => label),
    [first.name, second.name, undefined],
  );
  holder.tell({ task: "go" });
  assert.equal(await holder.next(), 4);
  assert.equal(await first.next(), 104);
  assert.equal(await second.next(), 105);
  assert.equal((await mine).value, 106);
  await Promise.all([holder, first, second].map(end));
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});

test("a worker that is terminated inside its turn, or waiting for it, gives it on", async () => {
  const url = fresh("terminated turn");
  const space = await open(url);
  const [holder, waiter, last] = await Promise.all(Array.from({ length: 3 }, () => start(url, undefined, "calls.mjs")));
  holder.tell({ task: "inTurn" });
  assert.equal(await holder.next(), "in its turn");
  for (const { tell, next } of [waiter, last]) {
    tell({ task: "waits" });
    assert.equal(await next(), "waits");
  }
  await waiter.worker.terminate();
  assert.equal((await space.query()).pending.length, 1);
  await holder.worker.terminate();
  assert.equal(await last.next(), 4, "what the terminated one wrote in its turn");
  await end(last);
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  assert.equal((await space.get("cell")).value, 4);
  await space.close();
});

test("who waits for a change in one thread is told of it by another", async () => {
  const url = fresh("job");
  const space = await open(url);
  const workers = await Promise.all(Array.from({ length: 3 }, () => start(url, undefined, "calls.mjs")));
  for (const { tell, next } of workers) {
    tell({ task: "job" });
    assert.equal(await next(), "waits");
  }
  // All of them are woken each time, and one has it.
  const taken = Promise.all(workers.map(({ next }) => next()));
  for (const job of ["paint", "mend", "sweep"]) {
    await space.transact(async (tx) => {
      const there = await tx.get("job");
      if (there.version !== 0) tx.retry();
      await tx.set("job", job);
    });
  }
  const jobs = (await taken).map((said) => said.split(",")[0]);
  assert.deepEqual(jobs.toSorted(), ["mend", "paint", "sweep"]);
  await Promise.all(workers.map(end));
  await space.close();
});

test("a worker that waits for a change can be terminated", async () => {
  const url = fresh("terminated wait");
  const space = await open(url);
  const worker = await start(url, undefined, "calls.mjs");
  worker.tell({ task: "job" });
  assert.equal(await worker.next(), "waits");
  await worker.worker.terminate();
  await space.set("job", "nobody takes it");
  assert.equal((await space.get("job")).value, "nobody takes it");
  await space.close();
});
