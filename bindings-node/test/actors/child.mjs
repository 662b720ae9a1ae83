// A process that leaves a space behind: it must end by itself. The first argument says how.

import { open } from "latchwork";

const WAYS = {
  async "idle private space"() {
    await open();
  },
  async "idle named space"() {
    await (await open("memory:idle")).withLock("k", () => {});
  },
  async "held lock"() {
    await (await open("memory:held")).lock("k");
  },
  async "settled time-out"() {
    const space = await open("memory:timeout");
    const guard = await space.lock("k");
    const waiting = space.lock("k", { timeout: 3_600_000 });
    guard.release();
    await waiting;
  },
  async "aborted wait"() {
    const space = await open("memory:aborted");
    await space.lock("k");
    const stop = new AbortController();
    const waiting = space.lock("k", { signal: stop.signal });
    stop.abort();
    await waiting.catch(() => {});
  },
  async "closed space"() {
    const space = await open("memory:closed");
    await space.lock("k");
    const waiting = space.lock("k");
    await space.close();
    await waiting.catch(() => {});
  },
  async "uncaught error"() {
    const space = await open("memory:thrown");
    await space.lock("k");
    space.lock("k");
    throw new Error("uncaught");
  },
  async "exit with waits"() {
    const space = await open("memory:exit");
    await space.lock("k");
    space.lock("k", { timeout: 3_600_000 });
    process.on("exit", () => {
      // The last code of a process may still use a space.
      space.lock("late").catch(() => {});
      space.close();
    });
    process.exit(0);
  },
};

process.on("exit", () => console.log("ended"));
await WAYS[process.argv[2]]();
console.log("left");
