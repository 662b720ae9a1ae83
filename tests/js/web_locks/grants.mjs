// When a callback runs, how long its lock is held, and in which order locks are granted.

import { is, isError, ok, rejects, same } from "../check.mjs";
import { state } from "../turn.mjs";
import { hold, withLocks } from "./locks.mjs";

const MANY = 10_000;

/** Not inside the call, and not in the task that made it: what that does next, microtasks too, comes first. */
async function afterTheTask({ locks }) {
  const order = [];
  const done = locks.request("k", () => order.push("callback"));
  order.push("returned");
  for (let count = 0; count < 20; count++) await undefined;
  order.push("microtasks");
  await done;
  same(order, ["returned", "microtasks", "callback"]);
}

const nullAfterTheTask = withLocks(async ({ locks }) => {
  const holder = hold(locks, "k");
  await holder.started;
  const order = [];
  const refused = locks.request("k", { ifAvailable: true }, () => order.push("null"));
  order.push("returned");
  for (let count = 0; count < 20; count++) await undefined;
  order.push("microtasks");
  await refused;
  same(order, ["returned", "microtasks", "null"]);
  holder.release();
  await holder.done;
});

const settled = withLocks(async ({ locks, space }) => {
  is(await locks.request("k", () => "value"), "value");
  is(await locks.request("k", async () => "promised"), "promised");
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
  is(await locks.request("k", () => ({ then: (go) => go("thenable") })), "thenable");
  is(await locks.request("k", () => {}), undefined);
  const error = { name: "own" };
  const thrower = () => {
    throw error;
  };
  is(await rejects(locks.request("k", thrower)), error);
  is(await rejects(locks.request("k", async () => thrower())), error);
  is(await rejects(locks.request("k", () => Promise.reject(undefined))), undefined);
  let asked = 0;
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
  const thenable = { then: () => asked++ };
  const throwsIt = async () => {
    throw thenable;
  };
  // In an array, since a promise would wait for it.
  same(await locks.request("k", throwsIt).catch((error) => [error === thenable]), [true]);
  is(asked, 0, "what is thrown is nothing to wait for");
  const done = locks.request("k", () => {});
  is(Promise.resolve(done), done, "a promise of the language");
  await done;
  const held = await space.lock("k");
  is(await rejects(locks.request("k", { ifAvailable: true }, thrower)), error, "of a callback that got null");
  is(await locks.request("k", { ifAvailable: true }, async (lock) => [lock]).then(String), "", "of null");
  held.release();
  let receiver = "not called";
  await locks.request("k", function () {
    receiver = this;
  });
  is(receiver, undefined, "this of the callback");
  same(await space.query(), { held: [], pending: [] });
});

const untilSettled = withLocks(async ({ locks }) => {
  const first = hold(locks, "k");
  await first.started;
  const order = [];
  const second = locks.request("k", () => order.push("granted"));
  first.done.then(() => order.push("resolved"));
  is(await state(second), "pending");
  same((await locks.query()).held.length, 1);
  first.release("value");
  is(await first.done, "value");
  same(
    (await locks.query()).held.map((lock) => lock.name),
    ["k"],
    "the next has the lock once the first is over",
  );
  await second;
  same(order, ["resolved", "granted"]);
  const failing = hold(locks, "k");
  await failing.started;
  const after = locks.request("k", () => "after");
  failing.fail("reason");
  is(await rejects(failing.done), "reason");
  is(await after, "after", "after a rejection");
});

/** Whoever holds one lock takes another, gives it back, and finds it free at once. */
const freeAtOnce = withLocks(async ({ locks }) => {
  await locks.request("outer", async () => {
    await locks.request("inner", async () => {});
    ok((await locks.request("inner", { ifAvailable: true }, (lock) => lock)) !== null, "given back and not free");
    is(await locks.request("outer", { ifAvailable: true }, (lock) => lock), null, "one's own lock");
  });
  const order = [];
  let inner;
  await locks.request("a", async () => {
    inner = [locks.request("a", () => order.push("a")), locks.request("b", () => order.push("b"))];
  });
  await Promise.all(inner);
  same(order, ["b", "a"], "a lock of another name waits for nobody");
});

/** The end of one kind lets all of the other in. */
const bothWays = withLocks(async ({ locks }) => {
  const modes = async () => (await locks.query()).held.map(({ mode }) => mode);
  const [first, all, next] = [
    hold(locks, "k"),
    [1, 2, 3].map(() => hold(locks, "k", { mode: "shared" })),
    hold(locks, "k"),
  ];
  const last = [1, 2].map(() => hold(locks, "k", { mode: "shared" }));
  await first.started;
  is((await locks.query()).pending.length, 6);
  first.release();
  await first.done;
  same(await modes(), ["shared", "shared", "shared"], "at once, before a callback has run");
  for (const each of all) await each.started;
  for (const { release } of all) release();
  await Promise.all(all.map(({ done }) => done));
  same(await modes(), ["exclusive"]);
  await next.started;
  next.release();
  await next.done;
  same(await modes(), ["shared", "shared"]);
  for (const each of last) await each.started;
  for (const { release } of last) release();
  await Promise.all(last.map(({ done }) => done));
});

const inOrder = withLocks(async ({ locks }) => {
  for (const mode of ["exclusive", "shared"]) {
    const granted = [];
    const requests = ["a", "b", "c", "a", "b", "c"].map((name, index) =>
      locks.request(name, { mode }, () => granted.push(index)),
    );
    await Promise.all(requests);
    same(granted, [0, 1, 2, 3, 4, 5], mode);
  }
  const mixed = [];
  const { signal } = new AbortController();
  const options = [{}, { signal }, { steal: true }, { ifAvailable: true }, { signal }, { mode: "shared" }];
  await Promise.all(options.map((each, index) => locks.request(`k${index}`, each, () => mixed.push(index))));
  same(mixed, [0, 1, 2, 3, 4, 5], "whatever the options");
});

const modes = withLocks(async ({ locks }) => {
  const readers = [hold(locks, "k", { mode: "shared" }), hold(locks, "k", { mode: "shared" })];
  await Promise.all(readers.map(({ started }) => started));
  const writer = hold(locks, "k");
  const late = hold(locks, "k", { mode: "shared" });
  is(await locks.request("other", () => "free"), "free");
  is(await state(writer.started), "pending", "the writer");
  is(await state(late.started), "pending", "the reader behind the writer");
  is(await locks.request("k", { mode: "shared", ifAvailable: true }, (lock) => lock), null, "past the writer");
  readers[0].release();
  is(await state(writer.started), "pending", "the writer, with one reader left");
  readers[1].release();
  await writer.started;
  is(await state(late.started), "pending");
  writer.release();
  is((await late.started).mode, "shared");
  is(await locks.request("k", { mode: "shared", ifAvailable: true }, (lock) => lock.mode), "shared");
  is(await locks.request("k", { ifAvailable: true }, (lock) => lock), null);
  late.release();
  await late.done;
  is(await locks.request("k", { ifAvailable: true }, (lock) => lock.mode), "exclusive", "free again");
});

/** Callbacks that answer at once release at once: no stack runs over, nobody overtakes. */
const thousands = withLocks(async ({ locks, space }) => {
  let served = 0;
  const first = hold(locks, "k");
  await first.started;
  const queued = Array.from({ length: MANY }, (_, index) => locks.request("k", () => is(served++, index, "order")));
  const shared = Array.from({ length: MANY }, () => locks.request("k", { mode: "shared" }, () => served++));
  first.release();
  await Promise.all([...queued, ...shared]);
  is(served, 2 * MANY);
  same(await space.query(), { held: [], pending: [] });
});

const closed = withLocks(async ({ locks, space, ...host }) => {
  const holder = hold(locks, "k");
  await holder.started;
  const waiting = rejects(locks.request("k", () => {}));
  const told = rejects(holder.done);
  await space.close();
  isError(host, await waiting, "closed");
  is((await told).name, "AbortError", "who holds is told that it does no longer");
  holder.release();
  isError(host, await rejects(locks.request("k", () => {})), "closed");
  isError(host, await rejects(locks.request("k", { steal: true }, () => {})), "closed");
  isError(host, await rejects(locks.query()), "closed");
});

async function control({ latchwork }) {
  const space = await latchwork.open();
  const locks = { request: (name, callback) => space.withLock(name, () => callback({ name })) };
  const error = await rejects(afterTheTask({ locks }), "a manager whose callback starts at once passed");
  ok(error.message.includes('"callback", "returned"'), error.message);
  await space.close();
}

export const tests = [
  { name: "a callback never runs inside the call, nor in its task", run: withLocks(afterTheTask) },
  { name: "nor does one that gets null", run: nullAfterTheTask },
  { name: "the promise settles as the callback does", run: settled },
  { name: "held until what the callback answered has settled", run: untilSettled },
  { name: "free as soon as the request has settled", run: freeAtOnce },
  { name: "from exclusive to shared and back", run: bothWays },
  { name: "granted in the order of the requests", run: inOrder },
  { name: "exclusive and shared, and those that ask whether it is available", run: modes },
  { name: "20,000 callbacks that answer at once", run: thousands },
  { name: "a space that is closed", run: closed },
  { name: "control: a manager that runs a callback inside the call is found", run: control },
];
