// A process that leaves an update or a transaction behind: it must end by itself. The first argument says how.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";

const never = () => new Promise(() => {});

/** Waits for a job that nobody brings. */
const waits = (space, options) =>
  space.transact(async (tx) => {
    const job = await tx.get("job");
    if (job.version === 0) tx.retry();
    return "taken";
  }, options);

const WAYS = {
  async "a function that never answers"() {
    (await open("memory:never")).update("k", never);
  },
  async "a function that never answers, in its turn, and one that waits for it"() {
    const space = await open();
    await space.set("k", 0);
    let runs = 0;
    const inTurn = new Promise((resolve) => {
      space.update("k", async (value) => {
        if (++runs <= 3) {
          await space.set("k", value + 1);
          return value;
        }
        resolve();
        return never();
      });
    });
    await inTurn;
    space.update("k", (value) => value);
  },
  async "a retry in a private space"() {
    waits(await open());
  },
  async "a retry that was aborted"() {
    const stop = new AbortController();
    const waiting = waits(await open("memory:aborted"), { signal: stop.signal });
    setImmediate(() => stop.abort());
    await waiting.catch(() => {});
  },
  async "an update that timed out"() {
    const space = await open("memory:timed out");
    await space.update("k", never, { timeout: 5 }).catch(() => {});
  },
  async "nothing any more"() {
    const space = await open("memory:over");
    await space.update("k", () => 1, { timeout: 3_600_000 });
    await space.transact((tx) => tx.set("k", 2), { timeout: 3_600_000 });
    waits(space, { timeout: 3_600_000 });
    await space.set("job", 1);
  },
  async "a retry that another thread ends"() {
    const url = "memory:job";
    waits(await open(url)).then(({ value }) => console.log(value));
    const code = `
      const { workerData } = require("node:worker_threads");
      import(workerData.latchwork).then(async ({ open }) => (await open(workerData.url)).set("job", 1));
    `;
    const workerData = { url, latchwork: import.meta.resolve("latchwork") };
    const worker = new Worker(code, { eval: true, workerData });
    await once(worker, "online");
    worker.unref();
  },
  async "a retry with a deadline in a private space"() {
    waits(await open(), { timeout: 50 }).catch(({ code }) => console.log(code));
  },
  async "a function that never answers, with a deadline"() {
    (await open()).update("k", never, { timeout: 50 }).catch(({ code }) => console.log(code));
  },
  async "a function that never answers, with a deadline, in a space that is closed"() {
    const space = await open("memory:closed");
    space.update("k", never, { timeout: 3_600_000 }).catch(({ code }) => console.log(code));
    setImmediate(() => space.close());
  },
  /** Nobody else tells that what the savepoint wrote is undone. */
  async "a savepoint that nobody waited for"() {
    const space = await open();
    process.on("unhandledRejection", ({ code, what }) => console.log(code, what));
    await space.transact(async (tx) => {
      tx.transact(async (inner) => {
        await inner.set("line", 1);
        await new Promise(setImmediate);
      });
    });
    await new Promise(setImmediate);
    console.log((await space.get("line")).version);
  },
  async "exit with calls"() {
    const space = await open("memory:exit");
    waits(space, { timeout: 3_600_000 });
    space.update("k", never, { timeout: 3_600_000 });
    process.on("exit", () => {
      // The last code of a process may still use a space.
      space.update("k", () => 1).catch(() => {});
      space.close();
    });
    process.exit(0);
  },
};

process.on("exit", () => console.log("ended"));
await WAYS[process.argv[2]]();
console.log("left");
