// Requests that a signal withdraws.

import { is, ok, rejects, same } from "../check.mjs";
import { state } from "../turn.mjs";
import { hold, withLocks } from "./locks.mjs";

const never = () => {
  throw new Error("the callback ran");
};

const before = withLocks(async ({ locks, space }) => {
  const asAbortError = await rejects(locks.request("k", { signal: AbortSignal.abort() }, never));
  ok(asAbortError instanceof DOMException && asAbortError.name === "AbortError");
  for (const reason of ["reason", null, 0, new Error("own")]) {
    is(await rejects(locks.request("k", { signal: AbortSignal.abort(reason) }, never)), reason);
  }
  same(await space.query(), { held: [], pending: [] });
});

const queued = withLocks(async ({ locks }) => {
  const holder = hold(locks, "k");
  await holder.started;
  const stop = new AbortController();
  const failure = rejects(locks.request("k", { signal: stop.signal }, never));
  const behind = locks.request("k", () => "behind");
  same((await locks.query()).pending.length, 2);
  stop.abort("reason");
  same((await locks.query()).pending.length, 1, "at once");
  is(await failure, "reason");
  holder.release();
  is(await behind, "behind");
});

/** What stood behind an exclusive request only because of it joins the shared holder. */
const sharedBehind = withLocks(async ({ locks }) => {
  const reader = hold(locks, "k", { mode: "shared" });
  await reader.started;
  const stop = new AbortController();
  const failure = rejects(locks.request("k", { signal: stop.signal }, never));
  const readers = [1, 2, 3].map(() => hold(locks, "k", { mode: "shared" }));
  const writer = hold(locks, "k");
  is(await state(readers[0].started), "pending");
  stop.abort();
  is((await failure).name, "AbortError");
  await Promise.all(readers.map(({ started }) => started));
  is(await state(writer.started), "pending");
  for (const { release } of [reader, ...readers]) release();
  await writer.started;
  writer.release();
  await writer.done;
});

/** A lock that is free: as long as the callback has not run, the abort wins, and the lock goes on. */
const grantedAndNotRun = withLocks(async ({ locks, space }) => {
  for (const wait of [0, 1, 2, 3, 5, 10]) {
    const stop = new AbortController();
    const failure = rejects(locks.request("k", { signal: stop.signal }, never));
    const next = locks.request("k", () => "next");
    for (let count = 0; count < wait; count++) await undefined;
    stop.abort(`after ${wait}`);
    is(await failure, `after ${wait}`);
    is(await next, "next");
  }
  const holder = hold(locks, "k");
  await holder.started;
  const stop = new AbortController();
  const failure = rejects(locks.request("k", { signal: stop.signal }, never));
  const next = locks.request("k", () => "next");
  holder.release();
  await holder.done;
  stop.abort("late");
  is(await failure, "late");
  is(await next, "next");
  same(await space.query(), { held: [], pending: [] });
});

const afterwards = withLocks(async ({ locks }) => {
  const inside = new AbortController();
  is(
    await locks.request("k", { signal: inside.signal }, async () => {
      inside.abort();
      return "held";
    }),
    "held",
  );
  const stop = new AbortController();
  const holder = hold(locks, "k", { signal: stop.signal });
  await holder.started;
  stop.abort();
  is(await state(holder.done), "pending");
  same((await locks.query()).held.length, 1, "an abort after the grant took the lock");
  holder.release("value");
  is(await holder.done, "value");
});

const listeners = withLocks(async ({ locks }) => {
  const { signal } = new AbortController();
  let added = 0;
  const count = (name, by) => {
    const original = signal[name];
    signal[name] = (...given) => {
      added += by;
      return original.apply(signal, given);
    };
  };
  count("addEventListener", 1);
  count("removeEventListener", -1);
  for (let round = 0; round < 20; round++) {
    await Promise.all([1, 2, 3].map(() => locks.request("k", { signal }, () => {})));
  }
  is(added, 0, "listeners left");
});

const together = withLocks(async ({ locks, space }) => {
  const holder = hold(locks, "k");
  await holder.started;
  const stop = new AbortController();
  const all = Array.from({ length: 1000 }, () => rejects(locks.request("k", { signal: stop.signal }, never)));
  stop.abort("all");
  same(new Set(await Promise.all(all)).size, 1);
  holder.release();
  await holder.done;
  same(await space.query(), { held: [], pending: [] });
});

export const tests = [
  { name: "aborted before the call", run: before },
  { name: "aborted while it waits", run: queued },
  { name: "aborted in front of shared requests, which are admitted", run: sharedBehind },
  { name: "aborted between the grant and the callback", run: grantedAndNotRun },
  { name: "aborted once the callback runs: nothing happens", run: afterwards },
  { name: "leave no listeners", run: listeners },
  { name: "1,000 aborted together", run: together },
];
