// Cells: versions, conditions, guards, and what is given back.

import { is, isError, ok, rejects, same } from "../check.mjs";

async function versions(host) {
  const space = await host.latchwork.open();
  same(await space.get("k"), { key: "k", value: undefined, version: 0 });
  const first = await space.set("k", { a: 1 });
  ok(first.version > 0, `version ${first.version}`);
  same(await space.get("k"), { key: "k", value: { a: 1 }, version: first.version });
  const second = await space.set("k", { a: 1 });
  ok(second.version > first.version, "an equal value is a change");
  same(await space.delete("k"), { ok: true, existed: true });
  same(await space.delete("k"), { ok: true, existed: false });
  const third = await space.insert("k", 3);
  ok(third.ok && third.version > second.version, "a cell created again has no old version");
  same(await space.insert("k", 4), { ok: false, entry: { key: "k", value: 3, version: third.version } });
  await space.close();
}

async function conditions(host) {
  const space = await host.latchwork.open();
  const absent = await space.get("k");
  const made = await space.compareExchange(absent, "a");
  is(made.ok, true);
  const there = { key: "k", value: "a", version: made.version };
  same(await space.compareExchange(absent, "b"), { ok: false, entry: there });
  same(await space.compareExchange("k", made.version + 1, "b"), { ok: false, entry: there });
  const next = await space.compareExchange("k", made.version, "b");
  ok(next.ok && next.version > made.version, "the version is larger");
  const entry = { key: "k", value: "b", version: next.version };
  same(await space.delete(there), { ok: false, entry });
  same(await space.delete("k", { version: made.version }), { ok: false, entry });
  isError(host, await rejects(space.delete(there, { version: 1 })), "invalid", { what: "version" });
  same(await space.delete(await space.get("k")), { ok: true, existed: true });
  same(await space.delete("k", { version: 0 }), { ok: true, existed: false });
  await space.close();
}

async function keys(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const bytes = new Uint8Array([1, 2]);
  const given = ["a", true, -0, 7n, 2n ** 63n, bytes, key("b", 1n, key(bytes))];
  const back = ["a", true, 0, 7, 2n ** 63n, new Uint8Array([1, 2]), key("b", 1, key(new Uint8Array([1, 2])))];
  for (const [index, each] of given.entries()) {
    same((await space.get(each)).key, back[index]);
    await space.set(each, index);
    same((await space.insert(each, "no")).entry.key, back[index]);
  }
  bytes[0] = 9;
  same(
    (await space.getMany([given[0], ...back])).map((entry) => entry.value),
    [0, 0, 1, 2, 3, 4, 5, 6],
  );
  const listed = (await space.list({ start: false })).map((entry) => entry.key);
  const reversed = (await space.list({ start: false }, { reverse: true })).map((entry) => entry.key);
  same(reversed, [...listed].reverse());
  is(listed.length, 7);
  await space.close();
}

async function ranges(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  for (const name of ["a", "ab", "abc", "b"]) await space.set(name, name);
  for (const number of [1, 2, 10]) await space.set(key("n", number), number);
  const values = async (...given) => (await space.list(...given)).map(({ value }) => value);
  same(await values({ prefix: "ab" }), ["ab", "abc"]);
  same(await values({ prefix: key("n") }), [1, 2, 10]);
  same(await values({ prefix: key("n") }, { limit: 2 }), [1, 2]);
  same(await values({ prefix: key("n") }, { limit: 2, reverse: true }), [10, 2]);
  same(await values({ prefix: key("n") }, { limit: 0 }), []);
  same(await values({ start: "ab", end: "b" }), ["ab", "abc"]);
  same(await values({ end: "ab" }), ["a"]);
  same(await values({ start: key("n", 2), end: key("n", 10) }), [2]);
  same(await space.deleteAll({ prefix: "a" }, { except: ["ab", "b"] }), ["a", "abc"]);
  same(await space.deleteAll({ prefix: key("n") }, { except: key("n", 2) }), [key("n", 1), key("n", 10)]);
  same(await space.deleteAll({ prefix: "x" }), []);
  same(await values({ start: false }), ["ab", "b", 2]);
  same(await values({}), ["ab", "b", 2]);
  for (const range of [{}, { prefix: undefined }]) {
    isError(host, await rejects(space.deleteAll(range)), "invalid", { what: "prefix" });
  }
  for (const [range, what] of [
    [{ prefix: "a", end: "b" }, "prefix"],
    ["a", "range"],
    [undefined, "range"],
    [{ prefix: 1 }, "prefix"],
    [{ prefix: null }, "prefix"],
    [{ start: 0.5 }, "start"],
    [{ from: "a" }, "from"],
  ]) {
    isError(host, await rejects(space.list(range)), "invalid", { what });
    isError(host, await rejects(space.deleteAll(range)), "invalid", { what });
  }
  isError(host, await rejects(space.deleteAll({ prefix: "a" }, { except: ["a", null] })), "invalid", {
    what: "except[1]",
  });
  is((await space.list({ start: false })).length, 3);
  await space.close();
}

async function atomic(host) {
  const { open } = host.latchwork;
  const space = await open();
  const done = await space.atomic().set("a", 1).insert("b", 2).delete("c").commit();
  is(done.ok, true);
  same(
    (await space.getMany(["a", "b"])).map(({ version }) => version),
    [done.version, done.version],
  );
  const [a, b] = await space.getMany(["a", "b"]);
  const failed = await space.atomic().check(a).check("b", 0).insert("a", 5).set("c", 5).commit();
  same(failed, {
    ok: false,
    conflicts: [
      { key: "b", expected: 0, entry: b },
      { key: "a", expected: 0, entry: a },
    ],
  });
  is((await space.get("c")).version, 0);
  same(await space.atomic().check(a).check(b).commit(), { ok: true, version: 0 });
  same(await space.atomic().commit(), { ok: true, version: 0 });
  const once = space.atomic().set("a", 3).set("a", 4);
  const last = await once.commit();
  isError(host, await rejects(once.commit()), "invalid", { what: "commit" });
  same(await space.get("a"), { key: "a", value: 4, version: last.version });
  isError(host, await rejects(space.atomic().set("a", 1).set("b", undefined).commit()), "invalid", { what: "value" });
  isError(host, await rejects(space.atomic().set("a", 1).delete({}).commit()), "invalid", { what: "key" });
  isError(host, await rejects(space.atomic().set("a", 1).check("a").commit()), "invalid", { what: "version" });
  isError(host, await rejects(space.atomic().set("a", 1).check(a, 1).commit()), "invalid", { what: "version" });
  is((await space.get("a")).version, last.version);
  await space.close();
}

/** C14, in one thread; across threads it is among the tests of each host. */
async function guards(host) {
  const { open } = host.latchwork;
  const space = await open();
  const other = await open();
  const guard = await space.lock(["a", "b"]);
  const { version } = await space.set("x", 1, { guard });
  isError(host, await rejects(space.set("x", 2, { guard: await other.lock("a") })), "invalid", { what: "guard" });
  isError(host, await rejects(space.set("x", 2, { guard: {} })), "invalid", { what: "guard" });
  isError(
    host,
    await rejects(
      space
        .atomic()
        .set("x", 2)
        .guard(await other.lock("b"))
        .commit(),
    ),
    "invalid",
    {
      what: "guard",
    },
  );
  guard.release("a");
  ok((await space.set("x", 3, { guard })).version > version, "what it released itself is not asked for");
  const named = space.atomic().set("x", 4).guard(guard, ["a", "b"]).commit();
  isError(host, await rejects(named), "fenced", { token: guard.token });
  is((await space.atomic().set("x", 5).guard(guard, "b").commit()).ok, true);
  await space.revoke("b");
  const before = await space.get("x");
  for (const call of [
    () => space.set("x", 6, { guard }),
    () => space.insert("y", 6, { guard }),
    () => space.compareExchange(before, 6, { guard }),
    () => space.delete("x", { guard }),
    () => space.atomic().set("x", 6).guard(guard).commit(),
  ]) {
    isError(host, await rejects(call()), "fenced", { token: guard.token });
  }
  guard[Symbol.dispose]();
  isError(host, await rejects(space.set("x", 7, { guard })), "fenced", { token: guard.token });
  const given = await space.lock("a");
  await given.handOver(space.owner("next"));
  isError(host, await rejects(space.set("x", 7, { guard: given })), "fenced", { token: given.token });
  same(await space.get("x"), before);
  is((await space.get("y")).version, 0);
  await other.close();
  await space.close();
}

async function signals(host) {
  const space = await host.latchwork.open();
  const stop = new AbortController();
  const { signal } = stop;
  is((await space.insert("k", 1, { signal })).ok, true);
  stop.abort("enough");
  for (const call of [
    () => space.set("k", 2, { signal }),
    () => space.insert("l", 2, { signal }),
    () => space.compareExchange("k", 0, 2, { signal }),
    () => space.delete("k", { signal }),
  ]) {
    is(await rejects(call()), "enough");
  }
  is((await space.get("k")).value, 1);
  is((await space.get("l")).version, 0);
  await space.close();
}

/** Also while their code is loaded, which the first of them causes. */
async function order(host) {
  const space = await host.latchwork.open();
  const value = { n: 0 };
  const all = [space.set("k", value)];
  for (value.n = 1; value.n < 5; value.n++) all.push(space.compareExchange("k", 0, value), space.set("k", value));
  const key = new Uint8Array([1]);
  all.push(space.set(key, "bytes"));
  key[0] = 2;
  const first = space.get("k");
  const done = await Promise.all(all);
  same(
    done.slice(0, 9).map((each) => each.ok ?? each.version > 0),
    [true, false, true, false, true, false, true, false, true],
  );
  same((await first).value, { n: 4 });
  same(
    done.filter((each) => each.ok === false).map(({ entry }) => entry.value.n),
    [0, 1, 2, 3],
  );
  is((await space.get(new Uint8Array([1]))).value, "bytes");
  await space.close();
}

async function closed(host) {
  const space = await host.latchwork.open();
  await space.set("k", 1);
  await space.close();
  for (const call of [
    () => space.get("k"),
    () => space.getMany(["k"]),
    () => space.set("k", 1),
    () => space.insert("k", 1),
    () => space.compareExchange("k", 1, 1),
    () => space.delete("k"),
    () => space.atomic().set("k", 1).commit(),
    () => space.list({ prefix: "k" }),
    () => space.deleteAll({ prefix: "k" }),
    () => space.watch("k").next(),
  ]) {
    isError(host, await rejects(call()), "closed");
  }
}

export const tests = [
  { name: "every change gives a larger version, also after a delete (C1)", run: versions },
  { name: "conditions compare versions, and say what is there (C3, C4)", run: conditions },
  { name: "keys come back as the core has them", run: keys },
  { name: "ranges are prefixes, or have a start and an end; nothing else is one", run: ranges },
  { name: "an atomic step happens at one instant or not at all", run: atomic },
  { name: "a write with a guard that is not held is fenced (C14)", run: guards },
  { name: "a signal that is aborted before the call wins", run: signals },
  { name: "operations take effect in the order of the calls, with values as they are then", run: order },
  { name: "a space that is closed answers closed", run: closed },
];
