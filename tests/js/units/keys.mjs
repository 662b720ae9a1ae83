// Keys against the vectors that every host checks.

import { is, isEmpty, isError, ok, rejects, same, throws } from "../check.mjs";
import { bytesOf, canonical, hexOf, keyOf } from "../scenario/keys.mjs";

const vectors = (host) => host.read("vectors/keys.json");

async function encoding(host) {
  const { keys } = await vectors(host);
  ok(keys.length > 50, "there are hardly any vectors");
  for (const { key: spelled, hex } of keys) {
    const key = keyOf(host.latchwork, spelled);
    is(hexOf(await host.testing.encodeKey(key)), hex, JSON.stringify(spelled).slice(0, 60));
    is(canonical(await host.testing.decodeKey(bytesOf(hex))), canonical(key));
  }
}

async function order(host) {
  const { sorted } = await vectors(host);
  const hex = await Promise.all(
    sorted.map(async (spelled) => hexOf(await host.testing.encodeKey(keyOf(host.latchwork, spelled)))),
  );
  same([...hex].sort(), hex);
}

async function different(host) {
  const { different: groups } = await vectors(host);
  const space = await host.latchwork.open();
  for (const group of groups) {
    const keys = group.map((spelled) => keyOf(host.latchwork, spelled));
    const guard = await space.lock(keys);
    is(guard.keys.length, keys.length, `keys of ${JSON.stringify(group)}`);
    guard.release();
  }
  await space.close();
}

async function refused(host) {
  const { invalid } = await vectors(host);
  const space = await host.latchwork.open();
  let seen = 0;
  for (const { key: spelled, why, hosts = ["javascript"] } of invalid) {
    if (!hosts.includes("javascript")) continue;
    seen++;
    const use = async (call) => call(keyOf(host.latchwork, spelled));
    for (const call of [
      (key) => space.lock(key),
      (key) => space.tryLock(["a", key]),
      (key) => space.withLock([key, "b"], () => {}),
      (key) => space.lock("c", { shared: [key] }),
      (key) => host.testing.encodeKey(key),
    ]) {
      const error = isError(host, await rejects(use(call), why), "invalid");
      ok(error.what && error.why, `nothing says what is wrong: ${error.message}`);
    }
  }
  ok(seen > 10, "there are hardly any vectors");
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

async function notCanonical(host) {
  const { notCanonical: all } = await vectors(host);
  for (const [hex, why] of all) {
    isError(host, await rejects(host.testing.decodeKey(bytesOf(hex)), why), "invalid");
  }
}

async function namesThePart(host) {
  const { key, open } = host.latchwork;
  isError(
    host,
    throws(() => key("user", null)),
    "invalid",
    { what: "parts[1]" },
  );
  isError(
    host,
    throws(() => key("user", ["a"])),
    "invalid",
    { what: "parts[1]" },
  );
  const space = await open();
  isError(host, await rejects(space.lock(["a", 1.5])), "invalid", { what: "keys[1]" });
  isError(host, await rejects(space.lock("a", { shared: ["b", undefined] })), "invalid", { what: "shared[1]" });
  isError(host, await rejects(space.lock([["a"]])), "invalid", { what: "keys[0]" });
  isError(host, await rejects(space.lock(Symbol("a"))), "invalid", { what: "keys" });
  // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
  isError(host, await rejects(space.lock(["a", , "b"])), "invalid", { what: "keys[1]" });
  // What only the core can tell is told by its place too, with its own reason.
  const long = "k".repeat(2100);
  for (const wrong of ["\ud800", long, 2n ** 64n, key("a", "\udc00"), key(long), new Uint8Array(2100)]) {
    const places = [
      [() => space.lock(wrong), "keys"],
      [() => space.tryLock(wrong), "keys"],
      [() => space.query(wrong), "keys"],
      [() => space.lock(["a", wrong]), "keys[1]"],
      [() => space.lock([wrong, "a"]), "keys[0]"],
      [() => space.withLock(["a", "b", wrong], () => "ran"), "keys[2]"],
      [() => space.tryLock(["a", wrong]), "keys[1]"],
      [() => space.query(["a", wrong]), "keys[1]"],
      [() => space.lock("a", { shared: [wrong] }), "shared[0]"],
      [() => space.lock(["a"], { mode: "shared", shared: ["b", wrong] }), "shared[1]"],
      [() => space.tryLock([wrong], { mode: "shared", shared: ["b"] }), "keys[0]"],
      [() => space.lock("a", { shared: wrong }), "shared"],
    ];
    const whys = new Set();
    for (const [call, what] of places) {
      const error = isError(host, await rejects(call()), "invalid", { what });
      is(error.message, `invalid ${what}: ${error.why}`);
      whys.add(error.why);
    }
    is(whys.size, 1, [...whys].join("; "));
  }
  await isEmpty(space);
  await space.close();
}

/** Several keys are an array: other collections are refused, and what to do is said. */
async function otherCollections(host) {
  const space = await host.latchwork.open();
  for (const wrong of [new Set(["a"]), new Map(), ["a"].values()]) {
    for (const [call, what] of [
      [() => space.lock(wrong), "keys"],
      [() => space.tryLock("a", { shared: wrong }), "shared"],
      [() => space.query(wrong), "keys"],
    ]) {
      const error = isError(host, await rejects(call()), "invalid", { what });
      ok(/spread/.test(error.why), error.why);
    }
  }
  await isEmpty(space);
  await space.close();
}

/** As JSON a tuple is a list of its parts; what JSON has not is text in it. */
async function asJson({ latchwork: { key } }) {
  is(JSON.stringify({ keys: ["a", key("user", 42, key(true))] }), '{"keys":["a",["user",42,[true]]]}');
  is(JSON.stringify(key(2n ** 60n, new Uint8Array([1, 255]))), '["1152921504606846976","bytes(01ff)"]');
}

async function readBack(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const bytes = new Uint8Array([1, 2]);
  const keys = ["text", 7, -0, 2n ** 53n, 5n, true, bytes, key("user", key(1, "b"), bytes)];
  const guard = await space.lock(keys);
  bytes[0] = 9;
  same(guard.keys, [
    "text",
    7,
    0,
    2n ** 53n,
    5,
    true,
    new Uint8Array([1, 2]),
    key("user", key(1, "b"), new Uint8Array([1, 2])),
  ]);
  is(String(guard.keys[7]), '("user", (1, "b"), bytes(0102))');
  same((await space.query([key("user", key(1, "b"), new Uint8Array([1, 2]))])).held.length, 1);
  ok(Object.isFrozen(guard.keys), "the keys of a guard can be changed");
  guard.release();
  await space.close();
}

/** Tuples that nest very deep are refused, and neither language runs out of stack. */
async function veryDeep(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  let deep = key("a");
  for (let depth = 0; depth < 50_000; depth++) deep = key(deep);
  isError(host, await rejects(space.lock(deep)), "invalid");
  await space.close();
}

export const tests = [
  { name: "are encoded as in every language", run: encoding },
  { name: "are ordered as their bytes", run: order },
  { name: "that differ are different keys", run: different },
  { name: "that are none are refused, and nothing is queued", run: refused },
  { name: "are not read from bytes that are not canonical", run: notCanonical },
  { name: "that are refused are named", run: namesThePart },
  { name: "in a collection that is no array are refused", run: otherCollections },
  { name: "have a form in JSON", run: asJson },
  { name: "come back as they were given", run: readBack },
  { name: "that nest very deep are refused", run: veryDeep },
];
