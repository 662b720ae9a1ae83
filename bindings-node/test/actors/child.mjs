// A process that leaves a space behind: it must end by itself. The first argument says how.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";

/**
 * Acts only if something else keeps the process alive: each of these timers, which do not, needs another round of the loop,
 * and a loop that has nothing to do makes none.
 */
function ifAlive(act, rounds = 10) {
  setTimeout(() => (rounds > 0 ? ifAlive(act, rounds - 1) : act()), 1).unref();
}

/** A worker thread that holds a lock and does not keep the process alive. */
async function holder(url, key) {
  const memory = new SharedArrayBuffer(8);
  const worker = new Worker(new URL("worker.mjs", import.meta.url), { workerData: { url, memory, name: "holder" } });
  await once(worker, "message");
  worker.postMessage({ task: "hold", key });
  await once(worker, "message");
  worker.unref();
  return worker;
}

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
  async "wait for another thread"() {
    const worker = await holder("memory:waits", "k");
    const space = await open("memory:waits");
    space.lock("k").then(() => console.log("has it"));
    ifAlive(() => worker.terminate());
  },
  async "wait for another thread, given up"() {
    await holder("memory:gives up", "k");
    const space = await open("memory:gives up");
    const stop = new AbortController();
    space.lock("k", { signal: stop.signal }).catch(() => console.log("gave up"));
    ifAlive(() => stop.abort());
  },
  async "nothing but another thread"() {
    const worker = await holder("memory:nothing", "k");
    await open("memory:nothing");
    ifAlive(() => worker.terminate().then(() => console.log("alive")));
  },
  async "wait in a private space"() {
    const space = await open();
    await space.lock("k");
    space.lock("k").catch(() => {});
    ifAlive(() => console.log("alive"));
  },
  async "wait with a deadline in a private space"() {
    const space = await open();
    await space.lock("k");
    space.lock("k", { timeout: 50 }).catch(({ code }) => console.log(code));
  },
  async "cells that expire"() {
    for (const url of [undefined, "memory:expires"]) await (await open(url)).set("k", 1, { expireIn: 3_600_000 });
  },
  async "watch between two items"() {
    const space = await open("memory:watched");
    await space.watch("k").next();
  },
  async "watch that waits in a private space"() {
    const space = await open();
    const watch = space.watch({ prefix: "" });
    await watch.next();
    watch.next().then(() => console.log("alive"));
    await space.set(1, "is not watched", { expireIn: 1 });
    ifAlive(() => console.log("alive"));
  },
  async "watch that was left"() {
    const space = await open("memory:left");
    const watch = space.watch("k");
    await watch.next();
    const next = watch.next();
    await watch.return();
    await next;
  },
  async "watch that was aborted"() {
    const space = await open("memory:aborted watch");
    const stop = new AbortController();
    const watch = space.watch("k", { signal: stop.signal });
    await watch.next();
    const next = watch.next();
    stop.abort();
    await next;
  },
  async "watch of a closed space"() {
    const space = await open("memory:closed watch");
    const watch = space.watch("k");
    await watch.next();
    const next = watch.next();
    // It waits when the space is closed.
    await new Promise((resolve) => setImmediate(resolve));
    await space.close();
    await next.catch(() => {});
  },
  async "watch that waits for another thread"() {
    const worker = await holder("memory:watches", "k");
    const space = await open("memory:watches");
    const watch = space.watch("k");
    await watch.next();
    watch.next().then(({ value }) => console.log(`has ${value[0].value}`));
    ifAlive(() => worker.postMessage({ task: "set", key: "k", value: "it" }));
  },
  async "wait behind a lock with an end"() {
    const space = await open();
    await space.lock("k", { maxHold: 50 });
    // Later than the line that says that the program has left it, however slow that is.
    space.lock("k").then(() => setImmediate(() => console.log("has it")));
  },
  async "wait behind a request whose lock will have an end"() {
    const space = await open();
    const guard = await space.lock("k");
    space.lock("k", { maxHold: 50 });
    // Later than the line that says that the program has left it, however slow that is.
    space.lock("k").then(() => setImmediate(() => console.log("has it")));
    guard.release();
  },
  async "lock with an end that nobody waits for"() {
    const space = await open();
    const guard = await space.lock("k", { maxHold: 3_600_000 });
    const waiting = space.lock("k");
    guard.release();
    await waiting;
    await space.lock("l", { maxHold: 3_600_000 });
    ifAlive(() => console.log("alive"));
  },
  async "wait after a lock with an end has ended"() {
    const space = await open();
    (await space.lock("k", { maxHold: 3_600_000 })).release();
    await space.lock("k");
    space.lock("k").then(() => console.log("has it"));
    ifAlive(() => console.log("alive"));
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
