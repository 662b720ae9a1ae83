// What nobody can reach any more keeps nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { open } from "latchwork";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

/** Collects garbage until it is so; answers whether it ever was. */
async function becomes(isSo) {
  for (let round = 0; round < 100; round++) {
    // What was looked at stays for the rest of a turn.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    if (isSo()) return true;
  }
  return false;
}

/** Uses an owner, which nobody has afterwards. */
async function forget(space, use) {
  const owner = space.owner("request");
  await use(owner);
  return new WeakRef(owner);
}

test("an owner whose inbox was looked at and left", async () => {
  const space = await open();
  const uses = {
    async nothing() {},
    async "left while it waits"(owner) {
      const inbox = owner.handedOver[Symbol.asyncIterator]();
      const next = inbox.next();
      await new Promise((resolve) => setImmediate(resolve));
      await inbox.return();
      assert.equal((await next).done, true);
    },
    async "left after a guard"(owner) {
      await (await space.lock("k")).handOver(owner);
      for await (const guard of owner.handedOver) {
        guard.release();
        break;
      }
    },
    async "never left"(owner) {
      await (await space.lock("k")).handOver(owner);
      const { value: guard } = await owner.handedOver[Symbol.asyncIterator]().next();
      guard.release();
    },
  };
  for (const [name, use] of Object.entries(uses)) {
    const owner = await forget(space, use);
    assert.ok(await becomes(() => owner.deref() === undefined), name);
  }
  const waits = await forget(space, async (owner) => {
    owner.handedOver[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setImmediate(resolve));
  });
  assert.ok(!(await becomes(() => waits.deref() === undefined)), "control: one whose inbox is waited for");
  await space.close();
});

test("a watch with a signal that lives on", async () => {
  const space = await open();
  const { signal } = new AbortController();
  let listeners = 0;
  for (const [name, step] of [
    ["addEventListener", 1],
    ["removeEventListener", -1],
  ]) {
    const usual = signal[name].bind(signal);
    signal[name] = (...given) => {
      listeners += step;
      usual(...given);
    };
  }
  await (async () => {
    const watch = space.watch("k", { signal });
    await watch.next();
    assert.equal(listeners, 1);
  })();
  assert.ok(await becomes(() => listeners === 0));
  await space.close();
});
