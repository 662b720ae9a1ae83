// A worker thread that updates cells and runs transactions as it is told.

import { parentPort, workerData } from "node:worker_threads";
import { key, open } from "latchwork";

const { url, memory, name } = workerData;
const space = await open(url);
// The code for cells is there then: each call begins when it is made.
await space.get("cell");
/** Numbers instants for all threads. */
const clock = new Int32Array(memory);
const now = () => Atomics.add(clock, 0, 1);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const account = (number) => key("account", number);
/** What lets the function that is inside its turn answer. */
let go;

const TASKS = {
  /** Updates a cell and reads it in between; answers what it saw. `naive`: by a read and a write. */
  async history({ rounds, naive }) {
    const history = [];
    let runs = 0;
    for (let round = 0; round < rounds; round++) {
      const wrote = `${name}, round ${round}`;
      const begin = now();
      let read;
      if (naive) {
        read = (await space.get("cell")).value;
        await turn();
        await space.set("cell", wrote);
      } else {
        const { attempts } = await space.update("cell", async (value) => {
          read = value;
          if (round % 3 === 0) await turn();
          return wrote;
        });
        runs = Math.max(runs, attempts);
      }
      history.push({ begin, end: now(), read, wrote });
      const started = now();
      const { value } = await space.get("cell");
      history.push({ begin: started, end: now(), read: value });
    }
    return { history, runs };
  },
  /** Transfers money and audits; answers what was done and seen. `naive`: by reads and writes. */
  async bank({ rounds, accounts, naive, seed }) {
    const [transfers, audits] = [[], []];
    let runs = 0;
    let state = seed;
    const choose = (below) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const transact = async (body) => {
      const { value, attempts } = await space.transact(body);
      runs = Math.max(runs, attempts);
      return value;
    };
    const move = async (tx, { from, to, amount }) => {
      const [source, target] = await tx.getMany([account(from), account(to)]);
      if (source.value < amount) return false;
      if (choose(2) === 0) await turn();
      await tx.set(account(from), source.value - amount);
      await tx.set(account(to), target.value + amount);
      return true;
    };
    for (let round = 0; round < rounds; round++) {
      const from = choose(accounts);
      const to = (from + 1 + choose(accounts - 1)) % accounts;
      const transfer = { from, to, amount: 1 + choose(20) };
      if (await (naive ? move(space, transfer) : transact((tx) => move(tx, transfer)))) transfers.push(transfer);
      if (round % 4 === 0) {
        const range = { prefix: key("account") };
        const all = round % 8 === 0 ? await space.list(range) : await transact((tx) => tx.list(range));
        audits.push(all.map(({ value }) => value));
      }
    }
    return { transfers, audits, runs };
  },
  /** Is inside the turn of a cell, and stays there until it is told to go on. */
  async inTurn() {
    let runs = 0;
    const done = await space.update("cell", async (value = 0) => {
      if (++runs <= 3) {
        await space.set("cell", value + 1);
        return value;
      }
      parentPort.postMessage("in its turn");
      await new Promise((resolve) => {
        go = resolve;
      });
      return value + 100;
    });
    return done.attempts;
  },
  /** Blocks this thread inside the turn of a cell until it is told to go on. `key`: of the lock that the call names. */
  async blocksInTurn({ timeout, key }) {
    const guard = key && (await space.lock(key));
    let runs = 0;
    const step = async (value = 0) => {
      if (++runs <= 3) {
        await space.set("cell", value + 1);
        return value;
      }
      parentPort.postMessage("blocks");
      Atomics.wait(clock, 0, 0);
      return "late";
    };
    return await space.update("cell", step, { timeout, guard }).then(
      () => "done",
      ({ code }) => code,
    );
  },
  /** Waits for the turn, and says so. */
  async waits() {
    const update = space.update("cell", (value) => value + 1, { label: name });
    parentPort.postMessage("waits");
    return (await update).value;
  },
  /** Waits for a job, and takes it. */
  async job() {
    let runs = 0;
    const taken = space.transact(async (tx) => {
      runs++;
      const job = await tx.get("job");
      if (job.version === 0) tx.retry();
      await tx.delete("job");
      return job.value;
    });
    parentPort.postMessage("waits");
    return `${(await taken).value}, ${runs} runs`;
  },
};

parentPort.on("message", async ({ task, ...given }) => {
  if (task === "end") return parentPort.close();
  if (task === "go") return go();
  parentPort.postMessage(await TASKS[task](given));
});
parentPort.postMessage("ready");
