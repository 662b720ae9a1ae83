// Guards, scoped use, and what spaces answer.

import { is, isEmpty, isError, ok, rejects, same, throws } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

async function fields(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock(["a", "b", "a"], { shared: ["b", "c", "c"], label: "mine" });
  same([guard.keys, guard.shared, guard.label, guard.held], [["a", "b"], ["c"], "mine", true]);
  is(guard.space, space);
  is(guard.abandoned, false);
  ok(Number.isSafeInteger(guard.token) && guard.token > 0, `token ${guard.token}`);
  const shared = await space.lock(["c", "d"], { mode: "shared" });
  same([shared.keys, shared.shared, shared.label], [[], ["c", "d"], undefined]);
  shared.release();
  guard.release();
  const none = await space.lock([]);
  same([none.keys, none.shared, none.held], [[], [], true]);
  none.release();
  await isEmpty(space);
  await space.close();
}

async function disposal(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  const next = space.lock("k");
  guard[Symbol.dispose]();
  is(guard.held, false);
  is(await state(next), "fulfilled");
  await (await next)[Symbol.asyncDispose]();
  await isEmpty(space);
  await space[Symbol.asyncDispose]();
  isError(host, await rejects(space.lock("k")), "closed");
}

/** An error about a guard names its keys, all of them. */
async function namesItsKeys(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const guard = await space.lock(["a", key("user", 1)], { shared: "c" });
  guard.release();
  const error = isError(
    host,
    throws(() => guard.release()),
    "not_held",
    { keys: ["a", key("user", 1), "c"] },
  );
  ok(error.message.endsWith('keys=["a", ("user", 1), "c"]'), error.message);
  await space.close();
}

async function scopedUse(host) {
  const space = await host.latchwork.open();
  is(await space.withLock("k", () => 1), 1);
  is(await space.withLock("k", async () => 2), 2);
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
  is(await space.withLock("k", () => ({ then: (resolve) => resolve(3) })), 3);
  is(await space.withLock("k", undefined, () => 4), 4);
  // biome-ignore lint/suspicious/noThenProperty: what is tested
  const odd = Object.defineProperty(Promise.resolve(5), "then", { value: () => {} });
  is(await space.withLock("k", () => odd), 5, "its own `then` is of no account, as to `await`");
  is(await space.withLock(["k", "l"], { mode: "shared" }, (guard) => guard.shared.length), 2);
  for (const falsy of [undefined, null, 0, false, ""]) is(await space.withLock("k", async () => falsy), falsy);
  for (const own of [new Error("own"), undefined, 0]) {
    const sync = () => {
      throw own;
    };
    is(await rejects(space.withLock("k", sync)), own);
    is(await rejects(space.withLock("k", () => Promise.reject(own))), own);
    const holder = await space.lock("k");
    const later = space.withLock("k", sync);
    holder.release();
    is(await rejects(later), own);
  }
  await isEmpty(space);
  await space.close();
}

async function bodyLoses(host) {
  const space = await host.latchwork.open();
  is(
    await space.withLock("k", async (guard) => {
      await space.close();
      is(guard.held, false);
      return "value";
    }),
    "value",
  );
}

async function closing(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  const waits = [space.lock("k"), space.lock(["k", "l"], { timeout: 1000 }), space.withLock("k", () => "ran")];
  waits.push(space.lock("k", { signal: new AbortController().signal }));
  const failures = waits.map((wait) => rejects(wait));
  await space.close();
  for (const failure of failures) isError(host, await failure, "closed");
  is(guard.held, false);
  guard[Symbol.dispose]();
  for (const late of [
    space.lock("k"),
    space.lock("k", { label: "x" }),
    space.tryLock("k"),
    space.withLock("k", () => 1),
    space.query(),
  ]) {
    isError(host, await rejects(late), "closed");
  }
  await space.close();
}

/** Openings of one name agree on the clock. */
async function oneClock(host) {
  const { open } = host.latchwork;
  const { manualClock } = host.testing;
  const name = `memory:one clock ${Math.random()}`;
  const clock = manualClock();
  const space = await open(name, { clock });
  const agreed = await open(name, { clock });
  for (const options of [undefined, { clock: manualClock() }]) {
    const error = await rejects(open(name, options));
    isError(host, error, "invalid");
    is(error.what, "clock");
  }
  await agreed.close();
  await space.close();
}

/** Two openings of one name in one thread: what one releases, the other gets in the same turn. */
async function twoHandles(host) {
  const { open } = host.latchwork;
  const name = `memory:two handles ${Math.random()}`;
  const [here, there] = [await open(name), await open(name)];
  is(here.epoch, there.epoch);
  const guard = await here.lock("k");
  is(await there.tryLock("k"), null);
  const waiting = there.lock("k");
  let got;
  waiting.then((guard) => {
    got = guard;
  });
  guard.release();
  await undefined;
  ok(got?.held, "the grant did not come with the release");
  is(got.space, there);
  await here.close();
  isError(host, await rejects(here.lock("k")), "closed");
  ok(got.held, "closing one handle took the guard of another");
  await there.close();
  const again = await open(name);
  ok(again.epoch > there.epoch, "the epoch is not new");
  await isEmpty(again);
  await again.close();
}

async function concurrentShared(host) {
  const space = await host.latchwork.open();
  const readers = await Promise.all([1, 2, 3].map(() => space.lock("k", { mode: "shared" })));
  const writer = space.lock("k");
  const late = space.lock("k", { mode: "shared" });
  is(await state(late), "pending");
  for (const reader of readers) reader.release();
  is(await state(late), "pending");
  (await writer).release();
  (await late).release();
  await quiet();
  await isEmpty(space);
  await space.close();
}

async function queries(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const guard = await space.lock(["a", key("user", 1)], { label: "holder" });
  const waiting = space.lock("a", { mode: "shared", label: "waiter" });
  const { held, pending } = await space.query("a");
  is(held.length, 1);
  same([held[0].label, held[0].token, held[0].claimed], ["holder", guard.token, true]);
  is(pending.length, 1);
  const [{ label, position, shared, blockedBy, age }] = pending;
  same([label, position, shared], ["waiter", 1, ["a"]]);
  same(blockedBy, [{ key: "a", label: "holder", token: guard.token }]);
  ok(age >= 0, `age ${age}`);
  same(await space.query(["b"]), { held: [], pending: [] });
  same(await space.query([]), { held: [], pending: [] });
  guard.release();
  (await waiting).release();
  await isEmpty(space);
  await space.close();
}

export const tests = [
  { name: "say what they hold", run: fields },
  { name: "are disposed of", run: disposal },
  { name: "that are not held name their keys", run: namesItsKeys },
  { name: "scoped use passes on values and errors", run: scopedUse },
  { name: "a body that loses its guard keeps its value", run: bodyLoses },
  { name: "closing a space fails its waits and later calls", run: closing },
  { name: "openings of one name agree on the clock", run: oneClock },
  { name: "two handles of one name in one thread", run: twoHandles },
  { name: "shared and exclusive", run: concurrentShared },
  { name: "queries tell keys, labels, positions and blockers", run: queries },
];
