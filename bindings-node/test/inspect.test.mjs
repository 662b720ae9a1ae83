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
