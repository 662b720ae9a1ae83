// What is refused, with which error, and in which order.

import { is, isError, ok, rejects, same, throws } from "../check.mjs";
import { hold, withLocks } from "./locks.mjs";

const never = () => {
  throw new Error("the callback ran");
};

async function isTypeError(promise, title) {
  const error = await rejects(promise, title);
  ok(error instanceof TypeError, `${title}: ${error}`);
}

async function isUnsupported(promise, title) {
  const error = await rejects(promise, title);
  ok(error instanceof DOMException && error.name === "NotSupportedError", `${title}: ${error}`);
}

const types = withLocks(async ({ locks, space }) => {
  await isTypeError(locks.request(), "nothing");
  await isTypeError(locks.request("k"), "no callback");
  for (const wrong of [undefined, null, 1, "text", {}, [], Symbol("s"), Promise.resolve()]) {
    await isTypeError(locks.request("k", wrong), `the callback ${String(wrong)}`);
    await isTypeError(locks.request("k", {}, wrong), `the callback ${String(wrong)} after options`);
  }
  for (const wrong of [1, "text", true, Symbol("s"), 1n]) {
    await isTypeError(locks.request("k", wrong, never), `the options ${String(wrong)}`);
  }
  for (const mode of ["", "Shared", "EXCLUSIVE", null, 1, {}, Symbol("s")]) {
    await isTypeError(locks.request("k", { mode }, never), `the mode ${String(mode)}`);
  }
  const alike = { aborted: false, addEventListener() {}, removeEventListener() {} };
  for (const signal of [
    null,
    "text",
    1,
    false,
    {},
    () => {},
    globalThis,
    new AbortController(),
    alike,
    new EventTarget(),
  ]) {
    await isTypeError(locks.request("k", { signal }, never), `the signal ${String(signal)}`);
  }
  await isTypeError(locks.request(Symbol("s"), never), "a symbol as the name");
  same(await space.query(), { held: [], pending: [] }, "what was queued");
});

const converted = withLocks(async ({ locks }) => {
  const nameOf = (lock) => [lock.name, lock.mode];
  same(await locks.request(7, nameOf), ["7", "exclusive"]);
  same(await locks.request(undefined, nameOf), ["undefined", "exclusive"]);
  same(await locks.request({ toString: () => "own" }, nameOf), ["own", "exclusive"]);
  same(await locks.request("k", undefined, nameOf), ["k", "exclusive"]);
  same(await locks.request("k", null, nameOf), ["k", "exclusive"]);
  same(await locks.request("k", () => {}, nameOf), ["k", "exclusive"], "a function as options");
  same(await locks.request("k", { mode: { toString: () => "shared" }, other: 1 }, nameOf), ["k", "shared"]);
  const none = { mode: undefined, ifAvailable: undefined, steal: undefined, signal: undefined };
  same(await locks.request("k", none, nameOf, "more"), ["k", "exclusive"]);
  is(await locks.request("k", { ifAvailable: 1 }, () => "truthy"), "truthy");
});

const unsupported = withLocks(async ({ locks, space }) => {
  const { signal } = new AbortController();
  for (const name of ["-", "-name", "-\ud800"]) await isUnsupported(locks.request(name, never), name);
  await isUnsupported(locks.request("k", { steal: true, ifAvailable: true }, never), "steal and ifAvailable");
  await isUnsupported(locks.request("k", { steal: true, mode: "shared" }, never), "steal in shared mode");
  await isUnsupported(locks.request("k", { steal: true, signal }, never), "steal with a signal");
  await isUnsupported(locks.request("k", { ifAvailable: true, signal }, never), "ifAvailable with a signal");
  const aborted = AbortSignal.abort("reason");
  await isUnsupported(locks.request("-k", { signal: aborted }, never), "before the signal is looked at");
  await isUnsupported(locks.request("k", { steal: true, signal: aborted }, never), "before the signal is looked at");
  same(await space.query(), { held: [], pending: [] }, "what was queued");
});

/** Each argument is looked at once, in the order that the interface gives; types come before what is not supported. */
const order = withLocks(async ({ locks }) => {
  const seen = [];
  const options = {};
  for (const name of ["steal", "signal", "mode", "ifAvailable"]) {
    Object.defineProperty(options, name, { get: () => void seen.push(name) });
  }
  const name = { toString: () => seen.push("name") && "-k" };
  await isUnsupported(locks.request(name, options, never), "a reserved name");
  same(seen, ["name", "ifAvailable", "mode", "signal", "steal"]);
  await isTypeError(locks.request("-k", { steal: true, ifAvailable: true }, "no callback"), "types first");
  await isTypeError(locks.request("-k", { signal: 1, mode: "shared", steal: true }, never), "types first");
  const own = new Error("own");
  const trap = {
    toString() {
      throw own;
    },
  };
  is(await rejects(locks.request(trap, 5)), own, "the name before the callback");
  await isTypeError(locks.request(trap), "the number of arguments before the name");
  is(await rejects(locks.request("k", { mode: trap, signal: 1 }, 5)), own, "the mode before the signal");
});

/** The classes are those of the web's interfaces: they make nothing, and their members know their objects. */
const interfaces = withLocks(async ({ locks, space, webLocks: { Lock, LockManager, lockManager }, ...host }) => {
  is(lockManager(space), locks, "the manager of the same space");
  for (const type of [Lock, LockManager]) {
    ok(throws(() => new type()) instanceof TypeError, type.name);
    ok(throws(() => new type(space, "exclusive")) instanceof TypeError, type.name);
    is(type.length, 0);
  }
  is(Object.prototype.toString.call(locks), "[object LockManager]");
  is(locks.request.length, 2);
  same([...enumerated(locks)], ["request", "query"]);
  const lock = await locks.request("k", { mode: "shared" }, (own) => own);
  ok(lock instanceof Lock && Object.prototype.toString.call(lock) === "[object Lock]");
  same([...enumerated(lock)], ["name", "mode"]);
  ok(throws(() => Reflect.get(Lock.prototype, "name", {})) instanceof TypeError);
  ok(throws(() => Object.assign(lock, { name: "other" })) instanceof TypeError, "a lock's name can be set");
  same([lock.name, lock.mode], ["k", "shared"], "after the release");
  await isTypeError(LockManager.prototype.request.call({}, "k", never), "request of another object");
  await isTypeError(LockManager.prototype.query.call(undefined), "query of nothing");
  for (const wrong of [undefined, null, {}, locks, "memory:x"]) {
    isError(
      host,
      throws(() => lockManager(wrong)),
      "invalid",
      { what: "space" },
    );
  }
});

/** Each member is where the web's interfaces have it, and as changeable. */
const members = withLocks(async ({ webLocks: { Lock, LockManager } }) => {
  const places = [
    [LockManager, "LockManager", { request: 2, query: 0 }, []],
    [Lock, "Lock", {}, ["name", "mode"]],
  ];
  for (const [type, name, operations, attributes] of places) {
    const { prototype } = type;
    is(type.name, name);
    same(Object.getOwnPropertyDescriptor(type, "prototype").writable, false, `${name}.prototype`);
    const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag);
    same(tag, { value: name, writable: false, enumerable: false, configurable: true });
    const own = ["constructor", ...Object.keys(operations), ...attributes];
    same(Object.getOwnPropertyNames(prototype).sort(), own.sort(), `the members of ${name}`);
    is(prototype.constructor, type);
    ok(!Object.getOwnPropertyDescriptor(prototype, "constructor").enumerable);
    for (const [operation, length] of Object.entries(operations)) {
      const { value, ...how } = Object.getOwnPropertyDescriptor(prototype, operation);
      same([value.name, value.length], [operation, length]);
      same(how, { writable: true, enumerable: true, configurable: true }, operation);
      ok(throws(() => new value("k", never)) instanceof TypeError, `new ${operation}`);
    }
    for (const attribute of attributes) {
      const { get, set, ...how } = Object.getOwnPropertyDescriptor(prototype, attribute);
      same([get.name, get.length, set], [`get ${attribute}`, 0, undefined]);
      same(how, { enumerable: true, configurable: true }, attribute);
      for (const wrong of [undefined, {}, prototype]) ok(throws(() => get.call(wrong)) instanceof TypeError, attribute);
    }
    ok(throws(() => type()) instanceof TypeError, `${name} without new`);
    ok(throws(() => Reflect.construct(type, [], Object)) instanceof TypeError);
  }
});

function* enumerated(object) {
  for (const name in object) yield name;
}

/** Any string is a name, and no two are the same; a text is the key that it is for `space.lock`. */
const names = withLocks(async ({ locks, space }) => {
  const all = ["", " ", "a\0b", "*", "é", "e\u0301", "\u{1f4a9}", "\ufffd", "\uffff", "x".repeat(2000)];
  all.push("\ud800", "\ud801", "\udc00", "\udc00\ud800", "a\ud800", "\ud800a", "\ufffd\ud800");
  const held = all.map((name) => hold(locks, name));
  const granted = await Promise.all(held.map(({ started }) => started));
  same(
    granted.map((lock) => lock.name),
    all,
  );
  same((await locks.query()).held.map((lock) => lock.name).sort(), [...all].sort());
  for (const name of all) is(await locks.request(name, { ifAvailable: true }, (lock) => lock), null, name);
  is(await space.tryLock("a\0b"), null, "the key that is the name");
  for (const { release } of held) release();
  await Promise.all(held.map(({ done }) => done));
  const guard = await space.lock([7, "key", new Uint8Array([1, 2, 3]), new Uint8Array([0, 97])]);
  same(
    (await locks.query()).held.map((lock) => lock.name),
    ["key"],
    "keys that are no names",
  );
  guard.release();
});

/** Longer than a key can be: each is a lock of its own, in every mode, and `query` tells it whole. */
const longNames = withLocks(async ({ locks, space }) => {
  const long = ["x", "é", "\ud800", "\u{1f4a9}", "\ufeff"].flatMap((unit) =>
    [682, 683, 1023, 1024, 1025, 2047, 2048, 5000, 100_000].map((count) => unit.repeat(count)),
  );
  const all = long.flatMap((name) => [name, `${name}a`, `a${name}`]);
  is(new Set(all).size, all.length);
  const held = all.map((name) => hold(locks, name));
  const granted = await Promise.all(held.map(({ started }) => started));
  ok(
    granted.every((lock, index) => lock.name === all[index]),
    "a lock has another name",
  );
  const shown = (await locks.query()).held.map((lock) => lock.name);
  ok(shown.every((name, index) => name === all[index]) && shown.length === all.length, "a name is not told as it was");
  const waiting = all.map((name) => locks.request(name, { mode: "shared" }, (lock) => lock.mode));
  for (const name of all) is(await locks.request(name, { ifAvailable: true }, (lock) => lock), null, "taken");
  is((await locks.query()).pending.length, all.length);
  for (const { release } of held) release();
  ok((await Promise.all(waiting)).every((mode) => mode === "shared"));
  const last = hold(locks, all.at(-1));
  await last.started;
  const stolen = rejects(last.done);
  is(await locks.request(all.at(-1), { steal: true }, (lock) => lock.name.length), all.at(-1).length);
  is((await stolen).name, "AbortError");
  same(await space.query(), { held: [], pending: [] });
});

export const tests = [
  { name: "wrong types are TypeErrors, and nothing is queued", run: types },
  { name: "arguments are converted as the web's interfaces do", run: converted },
  { name: "what is not supported, before a signal is looked at", run: unsupported },
  { name: "the order in which arguments are looked at", run: order },
  { name: "the classes of the interfaces", run: interfaces },
  { name: "the members of the interfaces", run: members },
  { name: "names of any characters", run: names },
  { name: "names of any length", run: longNames },
];
