// A worker thread that does what it is told with the space that it is given the name of.

import { parentPort, workerData } from "node:worker_threads";
import { open } from "latchwork";

const space = await open(workerData.url);
/** The number that all add to, and how many have read it. */
const counter = new Int32Array(workerData.memory);

const TASKS = {
  /** Adds to a number in two steps, with a turn of the loop between. */
  async add({ rounds }) {
    const step = async () => {
      const seen = counter[0];
      await new Promise((resolve) => setImmediate(resolve));
      counter[0] = seen + 1;
    };
    for (let round = 0; round < rounds; round++) await space.withLock("counter", step);
    return "done";
  },
  /** The same without a lock: in each round all have read before one writes. */
  async addUnlocked({ rounds, threads }) {
    for (let round = 0; round < rounds; round++) {
      const seen = Atomics.load(counter, 0);
      meet(2 * round * threads + threads);
      Atomics.store(counter, 0, seen + 1);
      meet(2 * (round + 1) * threads);
    }
    return "done";
  },
  async hold({ key }) {
    await space.lock(key);
    return "holds";
  },
  /** Asks for a key, says so, and says so again when it has it. */
  async wait({ key }) {
    const waiting = space.lock(key, { label: workerData.name });
    parentPort.postMessage("waits");
    const guard = await waiting;
    parentPort.postMessage("has it");
    guard.release();
    return "released";
  },
  /** Takes a key and asks for more, says so, and blocks this thread until it is told to go on. */
  async block({ hold, wait }) {
    await space.lock(...hold);
    const waiting = wait && space.lock(...wait);
    parentPort.postMessage("blocks");
    Atomics.wait(counter, 0, 0);
    const how = await waiting?.then(
      () => "has it",
      ({ code }) => code,
    );
    return how ?? "went on";
  },
  /** Takes a lock away when it is told to by the memory, and tells there that it has. */
  async revoke({ key }) {
    parentPort.postMessage("is there");
    Atomics.wait(counter, 0, 0);
    await space.revoke(key);
    Atomics.store(counter, 1, 1);
    Atomics.notify(counter, 1);
    return "revoked";
  },
  /** Holds a key, and writes with its guard each time it is told to. */
  async guarded({ key }) {
    const guard = await space.lock(key);
    parentPort.postMessage("holds");
    parentPort.on("message", async ({ write }) => {
      if (write === undefined) return;
      const answer = await space.set(key, write, { guard }).catch(({ code }) => code);
      parentPort.postMessage(typeof answer === "string" ? answer : "written");
    });
    return "ready to write";
  },
  /** Holds a key, blocks this thread until it is told to go on, gives the key back, and tells so where others block. */
  async lend({ key }) {
    const guard = await space.lock(key);
    parentPort.postMessage("holds");
    Atomics.wait(counter, 0, 0);
    guard.release();
    Atomics.store(counter, 1, 1);
    Atomics.notify(counter, 1);
    return "released";
  },
  async set({ key, value }) {
    await space.set(key, value);
    return "written";
  },
  /** Holds several locks, and gives back the first. */
  async holdButFirst({ keys }) {
    const guards = [];
    for (const key of keys) guards.push(await space.lock(key));
    guards[0].release();
    return "holds";
  },
  exit() {
    process.exit();
  },
  async throw() {
    await space.lock("thrown");
    throw new Error("worker");
  },
};

/** Blocks this thread until so many have come. */
function meet(many) {
  Atomics.add(counter, 1, 1);
  Atomics.notify(counter, 1);
  for (let come = Atomics.load(counter, 1); come < many; come = Atomics.load(counter, 1))
    Atomics.wait(counter, 1, come);
}

parentPort.on("message", async ({ task, ...given }) => {
  if (task === "end") return parentPort.close();
  if (task === undefined) return;
  parentPort.postMessage(await TASKS[task](given));
});
parentPort.postMessage("ready");
