// Watching cells (clause C13).

import { is, isError, ok, rejects, same } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

const value = ({ value: entries }) => entries.map((entry) => entry.value);

async function keys(host) {
  const space = await host.latchwork.open();
  const watch = space.watch(["b", "a"]);
  await space.set("a", 1);
  same(value(await watch.next()), [undefined, 1]);
  const next = watch.next();
  is(await state(next), "pending");
  await space.set("c", 1);
  is(await state(next), "pending");
  await space.set("b", 2);
  same(value(await next), [2, 1]);
  // States that nobody asked for are skipped, the last one is not.
  for (let count = 0; count < 100; count++) await space.set("a", count);
  await space.delete("b");
  same(value(await watch.next()), [undefined, 99]);
  is(await state(watch.next()), "pending");
  await space.close();
}

async function prefix(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const watch = space.watch({ prefix: key("user") });
  same(await watch.next(), { value: [], done: false });
  const next = watch.next();
  await space.set("user", 0);
  await space.set("users", 0);
  is(await state(next), "pending");
  await space.atomic().set(key("user", 2), "b").set(key("user", 1), "a").commit();
  same(value(await next), ["a", "b"]);
  await space.deleteAll({ prefix: key("user") }, { except: key("user", 2) });
  same(value(await watch.next()), ["b"]);
  await watch.return();
  await space.close();
}

async function ends(host) {
  const { open } = host.latchwork;
  const space = await open();
  const done = { value: undefined, done: true };

  const left = space.watch("k");
  await left.next();
  const waiting = [left.next(), left.next()];
  is(await state(waiting[0]), "pending");
  same(await left.return(), done);
  same(await Promise.all([...waiting, left.next()]), [done, done, done]);
  same(await space.watch("k").return(), done);

  const stop = new AbortController();
  const aborted = space.watch("k", { signal: stop.signal });
  await aborted.next();
  const last = aborted.next();
  stop.abort();
  same([await last, await aborted.next()], [done, done]);
  same(await space.watch("k", { signal: stop.signal }).next(), done);

  let rounds = 0;
  for await (const [entry] of space.watch("k")) {
    if (++rounds === 3) break;
    await space.set("k", entry.version);
  }
  is(rounds, 3);

  const watch = space.watch("k");
  await watch.next();
  const end = rejects(watch.next());
  await quiet();
  await space.close();
  isError(host, await end, "closed");
  same(await watch.next(), done);
}

async function refused(host) {
  const { open } = host.latchwork;
  const space = await open();
  for (const [given, what] of [
    [[{}], "keys"],
    [[{ prefix: undefined }], "prefix"],
    [[null], "keys"],
    [["a"], "signal", { signal: 5 }],
    [["a"], "sygnal", { sygnal: 5 }],
    [[{ prefix: 5 }], "prefix"],
    [[{ prefix: "a", start: "b" }], "start"],
    [[["a", 0.5]], "keys[1]"],
    [["x".repeat(3000)], "keys"],
    [[["a", "x".repeat(3000)]], "keys[1]"],
  ].map(([[keys], named, options]) => [[keys, options], named])) {
    const watch = space.watch(...given);
    const error = isError(host, await rejects(watch.next()), "invalid");
    is(error.what, what);
    same(await watch.return(), { value: undefined, done: true });
  }
  await space.close();
}

/** Everybody hears of the last state, in order, however slow. */
async function many(host) {
  const space = await host.latchwork.open();
  const readers = Array.from({ length: 20 }, async () => {
    let last = -1;
    for await (const [entry] of space.watch("count")) {
      const count = entry.value ?? 0;
      ok(count > last, `${count} after ${last}`);
      last = count;
      if (count === 50) return last;
    }
    return last;
  });
  for (let count = 1; count <= 50; count++) await space.set("count", count);
  same(new Set(await Promise.all(readers)).size, 1);
  await space.close();
}

/** A watcher that reads nothing keeps nothing: what was written meanwhile is seen once. */
async function slow(host) {
  const space = await host.latchwork.open();
  const watch = space.watch({ prefix: "" });
  await watch.next();
  const asked = watch.next();
  for (let count = 0; count < 1000; count++) await space.set("k", count);
  ok(value(await asked)[0] < 1000, "the first change woke it");
  same(value(await watch.next()), [999]);
  is(await state(watch.next()), "pending");
  await watch.return();
  await space.close();
}

export const tests = [
  { name: "keys: the whole state at once, then after changes; the last is never missed", run: keys },
  { name: "a prefix: the present cells, in key order", run: prefix },
  { name: "it ends by return, by break, by its signal, and with its space", run: ends },
  { name: "the first next says what is wrong with the arguments", run: refused },
  { name: "many watchers, none sees an older state after a newer", run: many },
  { name: "a slow reader costs nothing but its last item", run: slow },
];
