// What another thread has done meanwhile is told within the next call, by running code of the caller's: whatever that does, the
// call comes to what it came to (clauses C8, C9).

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "latchwork";
import { end, fresh, start } from "./actors/start.mjs";

/**
 * Has `call` make a call in which `react` is told of the loss of a lock: another thread has taken it away, by the time that
 * `lose` returns. Answers what the call came to.
 */
async function losing(call, react) {
  const url = fresh("told inside");
  const space = await open(url);
  await space.set("a", 0);
  const memory = new SharedArrayBuffer(8);
  const flags = new Int32Array(memory);
  const other = await start(url, memory);
  other.tell({ task: "revoke", key: "x" });
  assert.equal(await other.next(), "is there");
  const guard = await space.lock("x");
  let told = 0;
  guard.lost.addEventListener("abort", () => {
    told++;
    react(space);
  });
  const lose = () => {
    Atomics.store(flags, 0, 1);
    Atomics.notify(flags, 0);
    Atomics.wait(flags, 1, 0);
    assert.equal(told, 0);
  };
  const made = call(space, lose);
  assert.equal(told, 1, "it was not told within the call");
  const came = await made;
  assert.equal(await other.next(), "revoked");
  await end(other);
  await space.close();
  return came;
}

async function committing(react, options) {
  let ran = 0;
  const commit = async (space, lose) => {
    const { attempts } = await space.transact((tx) => {
      tx.set("a", 1);
      tx.onCommit(() => ran++);
      lose();
    }, options);
    return { attempts, ran, value: (await space.get("a")).value };
  };
  return losing(commit, react);
}

const DONE = { attempts: 1, ran: 1, value: 1 };

test("a call that has committed cannot be withdrawn", async () => {
  const stop = new AbortController();
  assert.deepEqual(await committing(() => stop.abort(), { signal: stop.signal }), DONE);
});

test("a commit inside a commit takes no callbacks from it", async () => {
  const react = (space) => {
    space.transact((tx) => tx.onCommit(() => {}));
    space.update("log", () => 1);
  };
  assert.deepEqual(await committing(react), DONE);
});

test("what the function of an update answered stays the answer", async () => {
  const stop = new AbortController();
  const update = async (space, lose) => {
    const change = () => {
      lose();
      return 1;
    };
    const { value, version, changed } = await space.update("a", change, { signal: stop.signal });
    return { value, changed, same: version === (await space.get("a")).version };
  };
  const react = (space) => {
    space.update("log", () => 2);
    stop.abort();
  };
  assert.deepEqual(await losing(update, react), { value: 1, changed: true, same: true });
});

test("a write answers its own version, and whether its own cell was there", async () => {
  const react = (space) => {
    space.set("log", 1);
    space.delete("nothing");
  };
  const writes = {
    set: async (space) => (await space.set("a", 1)).version === (await space.get("a")).version,
    insert: async (space) => (await space.insert("b", 1)).version === (await space.get("b")).version,
    delete: async (space) => (await space.delete("a")).existed,
  };
  for (const [name, write] of Object.entries(writes)) {
    const lost = (space, lose) => {
      lose();
      return write(space);
    };
    assert.equal(await losing(lost, react), true, name);
  }
});
