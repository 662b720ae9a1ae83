// What a log shows of spaces, guards and keys: what concerns their user, and nothing of their inside.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { key, open } from "latchwork";
import { manualClock } from "latchwork/testing";
import { fresh } from "./actors/start.mjs";

test("a space", async () => {
  const url = fresh("shown");
  const space = await open(url);
  assert.equal(inspect(space), `Space { url: '${url}', epoch: ${space.epoch}, closed: false }`);
  await space.close();
  assert.equal(inspect(space), `Space { url: '${url}', epoch: ${space.epoch}, closed: true }`);
  const mine = await open();
  assert.equal(inspect({ mine }), `{ mine: Space { epoch: ${mine.epoch}, closed: false } }`);
  await mine.close();
});

test("a guard", async () => {
  const space = await open();
  const guard = await space.lock(["a", key("user", 42)], { shared: [7], label: "me" });
  const { token } = guard;
  assert.equal(
    inspect(guard, { breakLength: Number.POSITIVE_INFINITY }),
    `Guard { keys: [ 'a', key("user", 42) ], shared: [ 7 ], label: 'me', token: ${token}, held: true }`,
  );
  guard.release();
  const plain = await space.lock("a");
  assert.equal(inspect(plain), `Guard { keys: [ 'a' ], token: ${plain.token}, held: true }`);
  await space.close();
  assert.equal(inspect(plain), `Guard { keys: [ 'a' ], token: ${plain.token}, held: false }`);
});

test("as JSON, for a log that writes it", async () => {
  const space = await open();
  const guard = await space.lock([2n ** 60n, key("user", 1n)], { shared: new Uint8Array([1]), label: "me" });
  assert.deepEqual(JSON.parse(JSON.stringify({ guard, space, owner: space.owner("job") })), {
    guard: {
      keys: ["1152921504606846976", ["user", 1]],
      shared: ["bytes(01)"],
      label: "me",
      token: guard.token,
      held: true,
    },
    space: { epoch: space.epoch, closed: false },
    owner: { id: space.owner().id.replace(/\d+$/, "1"), label: "job", closed: false },
  });
  const waiting = space.lock(2n ** 60n);
  const query = await space.query();
  const { held, pending } = JSON.parse(JSON.stringify(query));
  assert.deepEqual([held[0].keys[0], held[0].shared], ["1152921504606846976", ["bytes(01)"]]);
  assert.deepEqual([pending[0].keys, pending[0].blockedBy[0].key], [["1152921504606846976"], "1152921504606846976"]);
  assert.equal(`${query}`, inspect(query));
  assert.deepEqual(Object.keys(query), ["held", "pending"]);
  guard.release();
  (await waiting).release();
  await space.close();
});

test("the stack of what is refused reaches the call", async () => {
  const space = await open();
  for (const call of [
    function itIsHere() {
      return space.lock(["q", 1.5]);
    },
    function itIsHere() {
      return space.tryLock(["q", 1.5], { owner: 5 });
    },
    function itIsHere() {
      return space.withLock("q", { timeout: Number.NaN }, () => 1);
    },
  ]) {
    const error = await call().catch((error) => error);
    assert.match(error.stack, /^LatchworkError: invalid .*itIsHere/s);
  }
  await space.close();
});

test("an error tells its fields, and nothing else", async () => {
  const space = await open();
  const guard = await space.lock("k", { label: "holder" });
  const error = await space.lock(["k", key("user", 1)], { timeout: 0, label: "me" }).catch((error) => error);
  const { message, stack, ...fields } = error;
  assert.deepEqual(fields, {
    code: "timeout",
    keys: error.keys,
    label: "me",
    waited: 0,
    position: 1,
    blockedBy: [{ key: "k", label: "holder", token: guard.token }],
  });
  assert.match(inspect(error), /key\("user", 1\)/);
  await space.close();
});

test("options of the log are those of what is shown", async () => {
  const space = await open();
  const guard = await space.lock(["a", "b"]);
  assert.ok(inspect(guard, { colors: true }).includes("\u001b[32m'a'"));
  assert.match(inspect([[[[guard]]]]), /\[Array\]/);
  await space.close();
});

test("a query says who holds, who waits, since when, for whom", async () => {
  const clock = manualClock();
  const space = await open(undefined, { clock });
  assert.equal(inspect(await space.query()), "nothing is held, nothing waits");
  const owner = space.owner("job");
  const guard = await owner.lock(["a", key("user", 1)], { shared: 7 });
  const waiting = space.lock("a", { label: "me" });
  clock.advance(1500);
  const query = await space.query();
  const { token } = guard;
  assert.equal(
    inspect(query),
    `held     "a", ("user", 1), 7 (shared) by "job", token ${token}, waited for since 1.500 s\n` +
      `waiting  "a" as "me", place 1, since 1.500 s, behind "a" held by "job", token ${token}`,
  );
  assert.deepEqual(Object.keys(query), ["held", "pending"]);
  assert.deepEqual(structuredClone(query).held.length, 1);
  assert.match(inspect(owner), /^Owner { id: '.+', label: 'job', closed: false }$/);
  assert.match(inspect(guard), /owner: 'job'/);
  guard.release();
  (await waiting).release();
  await space.close();
});
