// Locks that are taken away, and what shows who has them.

import { is, ok, rejects, same } from "../check.mjs";
import { quiet, state } from "../turn.mjs";
import { hold, withLocks } from "./locks.mjs";

async function isStolen(promise) {
  const error = await rejects(promise);
  ok(error instanceof DOMException && error.name === "AbortError", `${error}`);
}

const free = withLocks(async ({ locks }) => {
  same(await locks.request("k", { steal: true }, (lock) => [lock.name, lock.mode]), ["k", "exclusive"]);
  same((await locks.query()).held, []);
});

async function fromHolder({ locks }) {
  const holder = hold(locks, "k");
  await holder.started;
  const queued = locks.request("k", () => "queued");
  const told = isStolen(holder.done);
  const thief = hold(locks, "k", { steal: true });
  await told;
  await thief.started;
  is(await state(queued), "pending", "who is queued, behind the thief");
  same((await locks.query()).held.length, 1);
  holder.release("late");
  await quiet();
  is(await state(queued), "pending", "the end of who lost the lock released that of the thief");
  is(await locks.request("k", { ifAvailable: true }, (lock) => lock), null);
  thief.release("thief");
  is(await thief.done, "thief");
  is(await queued, "queued");
}

/** Also of a lock that is granted and whose callback has not run: it runs, and its promise is rejected. */
const inOneTask = withLocks(async ({ locks }) => {
  let ran = false;
  const first = isStolen(
    locks.request("k", () => {
      ran = true;
    }),
  );
  const order = [];
  const queued = locks.request("k", () => order.push("queued"));
  await locks.request("k", { steal: true }, () => order.push("thief"));
  await Promise.all([first, queued]);
  same(order, ["thief", "queued"]);
  ok(ran);
});

const last = withLocks(async ({ locks }) => {
  const thieves = [1, 2, 3].map(() => hold(locks, "k", { steal: true }));
  const lost = thieves.slice(0, 2).map(({ done }) => isStolen(done));
  await Promise.all(thieves.map(({ started }) => started));
  await Promise.all(lost);
  same((await locks.query()).held.length, 1);
  thieves[2].release("last");
  is(await thieves[2].done, "last");
});

const fromReaders = withLocks(async ({ locks }) => {
  const readers = [1, 2, 3].map(() => hold(locks, "k", { mode: "shared" }));
  await Promise.all(readers.map(({ started }) => started));
  const told = readers.map(({ done }) => isStolen(done));
  is(await locks.request("k", { steal: true }, (lock) => lock.mode), "exclusive");
  await Promise.all(told);
  const other = hold(locks, "other");
  await other.started;
  await locks.request("k", { steal: true }, () => {});
  is(await state(other.done), "pending", "a lock of another name");
  other.release();
});

/** What became of the callback concerns nobody any more: no rejection is left without a handler. */
const lateFailure = withLocks(async ({ locks }) => {
  const holder = hold(locks, "k");
  await holder.started;
  const told = isStolen(holder.done);
  await locks.request("k", { steal: true }, () => {});
  await told;
  holder.fail(new Error("nobody hears this"));
  await quiet();
});

const revoked = withLocks(async ({ locks, space }) => {
  const holder = hold(locks, "k");
  await holder.started;
  const told = isStolen(holder.done);
  const next = locks.request("k", () => "next");
  is(await space.revoke("k"), 1);
  await told;
  is(await next, "next");
  const lock = await space.lock("k", { label: "mine" });
  const thief = locks.request("k", { steal: true }, () => "stolen");
  is(lock.held, false, "a lock of the space itself");
  is(await thief, "stolen");
});

const query = withLocks(async ({ locks, space, webLocks: { lockManager }, latchwork }) => {
  same(await locks.query(), { held: [], pending: [] });
  const requests = [
    hold(locks, "b", { mode: "shared" }),
    hold(locks, "a"),
    hold(locks, "b", { mode: "shared" }),
    hold(locks, "b"),
    hold(locks, "a", { mode: "shared" }),
    hold(locks, "b", { mode: "shared" }),
  ];
  const thief = hold(locks, "c", { steal: true });
  await thief.started;
  const { held, pending } = await locks.query();
  const { clientId } = held[0];
  ok(typeof clientId === "string" && clientId !== "");
  const [x, s] = ["exclusive", "shared"];
  const info = ([name, mode]) => ({ name, mode, clientId });
  same(
    held,
    [
      ["b", s],
      ["a", x],
      ["b", s],
      ["c", x],
    ].map(info),
    "held",
  );
  const of = (name) => pending.filter((each) => each.name === name);
  same(
    of("b"),
    [
      ["b", x],
      ["b", s],
    ].map(info),
    "pending for b",
  );
  same(of("a"), [["a", s]].map(info), "pending for a");
  const other = await latchwork.open();
  const elsewhere = lockManager(other);
  await elsewhere.request("a", async () => {
    is((await elsewhere.query()).held[0].clientId, clientId, "the same thread");
  });
  await other.close();
  const guard = await space.lock("plain", { label: "mine", mode: "shared" });
  same((await locks.query()).held.at(-1), { name: "plain", mode: "shared", clientId: "mine" });
  guard.release();
  for (const each of [thief, ...requests]) {
    await each.started;
    each.release();
  }
  await Promise.all(requests.map(({ done }) => done));
});

/** A thief that takes the lock from its holder and then waits its turn lets others go first. */
const control = withLocks(async ({ locks, space }) => {
  const request = (name, options, callback = options) => {
    if (!options.steal) return locks.request(name, options, callback);
    space.revoke(name);
    return locks.request(name, callback);
  };
  const error = await rejects(fromHolder({ locks: { ...locks, request } }), "a thief that waits its turn passed");
  ok(error.message.includes("who is queued"), error.message);
});

export const tests = [
  { name: "a free lock", run: free },
  { name: "from its holder, before all who are queued", run: withLocks(fromHolder) },
  { name: "in the task of the grant", run: inOneTask },
  { name: "the last thief has it", run: last },
  { name: "from all who share it, and from nobody else", run: fromReaders },
  { name: "a callback that fails after its lock was stolen", run: lateFailure },
  { name: "revoked by the space; a lock of the space stolen", run: revoked },
  { name: "query: who holds and who waits, in order", run: query },
  { name: "control: a thief that waits its turn is found", run: control },
];
