// A worker thread that asks a lock manager for what it is told, and says what comes of it.

import { parentPort, workerData } from "node:worker_threads";
import { open } from "latchwork";
import { lockManager } from "latchwork/web-locks";

const locks = lockManager(await open(workerData.url));
let end;

const TASKS = {
  /** Asks for a lock, says when the callback runs, and holds it until `release`. */
  async hold({ name, options = {} }) {
    try {
      const value = await locks.request(name, options, (lock) => {
        parentPort.postMessage(["runs", lock === null ? null : lock.mode]);
        if (lock === null) return null;
        return new Promise((resolve) => {
          end = resolve;
        });
      });
      return ["done", value];
    } catch (error) {
      return ["failed", error.name, error instanceof DOMException];
    }
  },
  async release({ value }) {
    end(value);
  },
  async clientId() {
    return locks.request("own", async () => (await locks.query()).held.find(({ name }) => name === "own").clientId);
  },
};

parentPort.on("message", async ({ task, ...given }) => {
  const answer = await TASKS[task](given);
  if (answer !== undefined) parentPort.postMessage(answer);
});
parentPort.postMessage("ready");
