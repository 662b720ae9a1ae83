// Sub-spaces: locks and cells under a prefix, and nothing else, whatever is asked.

import { is, isError, ok, rejects, same, throws } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

const keysOf = (entries) => entries.map((entry) => entry.key);

async function cells(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const [seven, eight] = [space.within(key("t", 7)), space.within(key("t", 8n))];
  const deep = seven.within("docs");
  await seven.set("doc", 1);
  await eight.set("doc", 2);
  await deep.set(key("a", 1), 3);
  await space.set(key("t", 7, "doc", "more"), 4);
  is((await space.get(key("t", 7, "doc"))).value, 1);
  is((await space.get(key("t", 7, key("docs", key("a", 1))))).value, 3);
  same(keysOf(await seven.list({})), ["doc", key("docs", key("a", 1))]);
  same(keysOf(await seven.list({ prefix: "d" })), ["doc"]);
  same(keysOf(await seven.list({ start: "e" }, { limit: 1 })), [key("docs", key("a", 1))]);
  same(keysOf(await deep.list({ end: key("b") })), [key("a", 1)]);
  same(keysOf(await deep.getMany([key("a", 1n), -0])), [key("a", 1), 0]);

  const entry = await seven.get("doc");
  is(entry.key, "doc");
  const { conflicts } = await seven.atomic().check(entry).insert("doc", 5).commit();
  same([conflicts.length, conflicts[0].key, conflicts[0].entry], [1, "doc", entry]);
  same((await seven.compareExchange("doc", 0, 5)).entry, entry);
  same((await seven.delete(entry)).existed, true);
  ok((await deep.insert("d", 1, { expireIn: 1000 })).ok);
  same(keysOf(await deep.list({}, { reverse: true })), [key("a", 1), "d"]);
  same(await seven.deleteAll({ start: false }, { except: key("docs", "d") }), [key("docs", key("a", 1))]);
  same(await eight.deleteAll({ prefix: "" }), ["doc"]);
  same(keysOf(await space.list({})), [key("t", 7, "doc", "more"), key("t", 7, key("docs", "d"))]);
  await space.close();
}

async function locks(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const sub = space.within("t");
  const guard = await sub.lock(["a", "b"], { shared: "c", label: "inside" });
  same([guard.keys, guard.shared, guard.space === sub], [["a", "b"], ["c"], true]);
  is(await space.tryLock(key("t", "a")), null);
  const outside = await space.lock(["a", "other"]);
  const behind = space.lock([key("elsewhere"), key("t", "a")]);

  const { held, pending } = await sub.query();
  same([held.length, held[0].keys, held[0].shared], [1, ["a", "b"], ["c"]]);
  same([pending[0].keys, pending[0].blockedBy[0].key], [["a"], "a"]);
  same(await sub.query("other"), { held: [], pending: [] });
  same((await sub.query("b")).held.length, 1);

  const late = isError(host, await rejects(sub.lock("a", { timeout: 0 })), "timeout", { keys: ["a"] });
  is(late.blockedBy[0].key, "a");
  ok(!late.message.includes('"t"'), late.message);
  isError(
    host,
    throws(() => guard.release(["a", "x"])),
    "not_held",
    { keys: ["x"] },
  );
  guard.release("b");
  guard.downgrade("a");
  same([guard.keys, guard.shared], [[], ["c", "a"]]);
  (await sub.tryLock("b")).release();

  await sub.atomic().set("x", 1).guard(guard, "a").commit();
  const fenced = await rejects(sub.atomic().set("x", 1).guard(outside, "a").commit());
  isError(host, fenced, "fenced");
  is(await sub.revoke("other"), 0);
  is(await sub.revoke("a"), 1);
  same([guard.held, outside.held], [false, true]);
  guard.release();
  for (const one of [outside, await behind]) one.release();
  is(await sub.withLock([1, key("x")], (inner) => inner.keys.length), 2);
  await space.close();
}

/** What waits is settled by calls of the space, of another sub-space, by time and by the end. */
async function waits(host) {
  const { key, open } = host.latchwork;
  const clock = host.testing.manualClock();
  const space = await open(undefined, { clock });
  const sub = space.within("t");
  const held = await space.lock(key("t", "a"));
  const [one, two] = [sub.lock("a"), sub.lock(["a", "b"], { timeout: 10, label: "late" })];
  is(await state(one), "pending");
  held.release();
  same((await one).keys, ["a"]);
  const stop = new AbortController();
  const three = sub.lock("b", { signal: stop.signal });
  stop.abort("enough");
  is(await rejects(three), "enough");
  clock.advance(10);
  const error = isError(host, await rejects(two), "timeout", { keys: ["a", "b"], label: "late" });
  same(
    error.blockedBy.map((blocker) => blocker.key),
    ["a"],
  );
  const last = rejects(sub.lock("a"));
  await space.close();
  isError(host, await last, "closed");
  const calls = [sub.get("a"), sub.lock("a"), sub.tryLock("a"), sub.query(), sub.revoke("a")];
  for (const error of await Promise.all(calls.map((call) => rejects(call)))) isError(host, error, "closed");
}

async function owners(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const sub = space.within("t");
  const [one, job] = [sub.owner("one"), sub.owner("job")];
  const held = await one.lock("a");
  is(await space.tryLock(key("t", "a")), null);
  const error = isError(host, await rejects(one.lock("a")), "deadlock");
  is(error.cycle[0].key, "a");
  ok(!error.message.includes('"t"'), error.message);
  const given = await space.lock(["outside", key("t", "b"), key("t", "c")]);
  const inbox = job.handedOver[Symbol.asyncIterator]();
  same(await given.handOver(job, { n: 1 }), { delivered: true });
  const { value: got } = await inbox.next();
  same([got.keys, got.payload, got.space === sub], [["b", "c"], { n: 1 }, true]);
  got.release();
  ok((await space.tryLock("outside")).held, "the whole lock was handed over");
  const inner = await sub.withLock("s", async (guard) => (await guard.owner.lock("d")).keys);
  same(inner, ["d"]);
  held.release();
  await space.close();
}

async function watches(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const sub = space.within(key("t"));
  const [one, all] = [sub.watch("a"), sub.watch({ prefix: "" })];
  same((await all.next()).value, []);
  same((await one.next()).value, [{ key: "a", value: undefined, version: 0 }]);
  const next = [one.next(), all.next()];
  await space.set("a", 1);
  await space.set(key("t", "a", "b"), 1);
  same([await state(next[0]), await state(next[1])], ["pending", "pending"]);
  await space.set(key("t", "a"), 2);
  for (const { value } of await Promise.all(next)) same([value[0].key, value[0].value], ["a", 2]);
  const end = [rejects(one.next()), rejects(all.next())];
  await quiet();
  await space.close();
  for (const error of await Promise.all(end)) isError(host, error, "closed");
}

async function faces(host) {
  const { lockManager } = host.webLocks;
  const space = await host.latchwork.open();
  const locks = lockManager(space.within("t"));
  await locks.request("name", async () => {
    same(
      (await locks.query()).held.map(({ name }) => name),
      ["name"],
    );
    same((await lockManager(space).query()).held, []);
    is(await lockManager(space).request("name", { ifAvailable: true }, (lock) => lock?.name), "name");
    is(await locks.request("name", { ifAvailable: true }, (lock) => lock), null);
    await locks.request("\ud800", (lock) => is(lock.name, "\ud800"));
  });
  const long = isError(host, await rejects(locks.request("x".repeat(9000), () => 1)), "invalid");
  is(long.what, "name");
  await space.close();
}

/** It has the life and the name of its space, and refuses what does not fit there. */
async function itself(host) {
  const { key, open } = host.latchwork;
  const space = await open(`memory:within ${Math.random()}`, { meta: { v: [1] } });
  const sub = space.within("t").within("u");
  ok(sub.meta === space.meta && sub.epoch === space.epoch, "another meta or epoch");
  const error = isError(host, await rejects(sub.close()), "invalid", { what: "space" });
  is(error.why, "ends with its space");
  isError(host, await rejects(sub[Symbol.asyncDispose]()), "invalid");
  await sub.set("still", "open");
  for (const prefix of [undefined, null, 0.5, {}, ["a"], "\ud800", "x".repeat(2048)]) {
    isError(
      host,
      throws(() => space.within(prefix)),
      "invalid",
      { what: "prefix" },
    );
  }
  const long = "x".repeat(2045);
  const refused = [
    [sub.lock(long), "keys"],
    [sub.lock(["a", long]), "keys[1]"],
    [sub.tryLock("a", { shared: [long] }), "shared[0]"],
    [sub.get(long), "key"],
    [sub.getMany(["a", long]), "keys[1]"],
    [sub.set(long, 1), "key"],
    [sub.list({ prefix: long }), "prefix"],
    [sub.list({ end: long }), "end"],
    [sub.list({ prefix: 5 }), "prefix"],
    [sub.deleteAll({ prefix: "" }, { except: ["a", long] }), "except[1]"],
    [sub.watch({ prefix: long }).next(), "prefix"],
    [sub.query(["a", long]), "keys[1]"],
    [sub.revoke([long]), "keys[0]"],
    [sub.get(["a"]), "key"],
    [sub.lock("\ud800"), "keys"],
  ].map(async ([call, what]) => isError(host, await rejects(call), "invalid", { what }));
  await Promise.all(refused);
  // A guard of it is one of the space, whatever handle it came from.
  const guard = await sub.lock("a");
  ok((await space.within("v").insert("x", 1, { guard })).ok);
  guard.release();
  isError(host, await rejects(space.insert("y", 1, { guard })), "fenced");
  const bytes = new Uint8Array([1, 2]);
  const inBytes = space.within(bytes);
  bytes[0] = 9;
  await inBytes.set(new Uint8Array([3]), 1);
  same(keysOf(await space.list({ prefix: key(new Uint8Array([1, 2])) })), [
    key(new Uint8Array([1, 2]), new Uint8Array([3])),
  ]);
  await space.close();
  same(space.within("t") !== undefined, true);
}

/** Operations take effect in the order of the calls, also those that wait for the code of cells. */
async function inOrder(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const sub = space.within("t");
  const all = [sub.set("k", 1), space.set(key("t", "k"), 2), sub.get("k"), space.delete(key("t", "k")), sub.get("k")];
  const [, , first, , last] = await Promise.all(all);
  same([first.value, last.version], [2, 0]);
  await space.close();
}

export const tests = [
  { name: "its cells are those under the prefix", run: cells },
  { name: "its locks are those under the prefix", run: locks },
  { name: "its waits are settled by whatever is done to the space", run: waits },
  { name: "its owners stay inside", run: owners },
  { name: "its watches see what is inside", run: watches },
  { name: "the Web Locks face of one", run: faces },
  { name: "it has the life of its space, and says what it refuses", run: itself },
  { name: "what is called there and in the space is done in order", run: inOrder },
];
