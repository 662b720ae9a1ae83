// A worker thread that works on cells until it is ended: what it does is told by its first message.

import { parentPort, workerData } from "node:worker_threads";
import { open } from "latchwork";

const REQUESTS = 10;

const space = await open(workerData.url);
/** Resolves the refresh that is under way. */
let arrived = () => {};

const TASKS = {
  /** Waits for changes, of which it tells. */
  async watch() {
    for await (const [entry] of space.watch("count")) parentPort.postMessage(entry.value ?? 0);
  },
  /** Writes the same number to two cells, guarded, again and again, and gives its thread a turn between. */
  async commit() {
    const guard = await space.lock("pair");
    parentPort.postMessage("holds");
    for (let count = 1; ; count++) {
      const { ok } = await space.atomic().set("left", count).set("right", count).guard(guard).commit();
      if (!ok) throw new Error("it had no condition");
      if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  },
  /** Ten requests that need the token; who refreshes it asks this thread's maker for a new one. */
  async refresh({ guarded }) {
    const ask = () => {
      parentPort.postMessage("refreshes");
      return new Promise((resolve) => {
        const before = arrived;
        arrived = (token) => {
          before(token);
          resolve(token);
        };
      });
    };
    const request = async () => {
      const { value } = await space.get("token");
      if (value !== undefined) return value;
      if (!guarded) return space.set("token", await ask()).then(() => "mine");
      return space.withLock("token", async (guard) => {
        const again = await space.get("token");
        if (again.value !== undefined) return again.value;
        const token = await ask();
        await space.set("token", token, { guard, expireIn: 60_000 });
        return token;
      });
    };
    return Promise.all(Array.from({ length: REQUESTS }, request));
  },
};

parentPort.on("message", async ({ task, token, ...given }) => {
  if (task === "end") parentPort.close();
  else if (token !== undefined) arrived(token);
  else parentPort.postMessage(await TASKS[task](given));
});
parentPort.postMessage("ready");
