// Owners: lines of work that are refused a wait for themselves, and that end as one.

import { is, isEmpty, isError, ok, rejects, same, show, throws } from "../check.mjs";
import { state } from "../turn.mjs";

async function names(host) {
  const space = await host.latchwork.open();
  const [one, other] = [space.owner("checkout"), space.owner()];
  same([one.label, other.label, one.closed], ["checkout", undefined, false]);
  is(one.space, space);
  ok(typeof one.id === "string" && one.id !== other.id, `ids ${one.id} and ${other.id}`);
  const elsewhere = await host.latchwork.open();
  ok(elsewhere.owner().id !== one.id, "an owner of another space has the same id");
  await elsewhere.close();
  await space.close();
  isError(host, await rejects(one.lock("k")), "closed");
  isError(host, await rejects(space.owner().lock("k")), "closed");
}

async function ownKey(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const owner = space.owner("o");
  const held = await owner.lock(["a", key("user", 1)]);
  is(held.owner, owner);
  for (const request of [
    owner.lock([key("user", 1), "c"], { label: "again" }),
    space.lock([key("user", 1), "c"], { owner, label: "again", timeout: 50 }),
    owner.withLock([key("user", 1)], { label: "again", mode: "shared" }, () => "ran"),
    owner.lock(key("user", 1), { label: "again", timeout: 0 }),
  ]) {
    const cycle = [{ key: key("user", 1), label: "again", owner: { id: owner.id, label: "o" } }];
    isError(host, await rejects(request), "deadlock", { cycle });
  }
  is(await owner.tryLock("a"), null, "a try is never a deadlock");
  ok(held.held, "what it held is gone");
  same((await space.query()).pending, []);
  held.release();
  (await owner.lock(["a", "c"])).release();
  await isEmpty(space);
  await space.close();
}

async function cycles(host) {
  const space = await host.latchwork.open();
  const [one, other] = [space.owner("one"), space.owner()];
  const a = await one.lock("a");
  const b = await other.lock("b");
  const waiting = other.lock("a");
  const error = isError(host, await rejects(one.lock("b")), "deadlock");
  same(error.cycle, [
    { key: "b", owner: { id: one.id, label: "one" } },
    { key: "a", owner: { id: other.id } },
  ]);
  ok(/"one" waits for "b"/.test(error.message), error.message);
  is(await state(waiting), "pending", "there is one victim");
  a.release();
  (await waiting).release();
  b.release();
  await isEmpty(space);
  await space.close();
}

/** A key that is free, but reserved for who waits for us. */
async function reserved(host) {
  const space = await host.latchwork.open();
  const first = space.owner();
  const a = await first.lock("a");
  const second = space.lock(["a", "b"], { label: "second" });
  const { cycle } = isError(host, await rejects(first.lock("b")), "deadlock");
  same(cycle[1], { key: "a", label: "second" });
  a.release();
  (await second).release();
  await isEmpty(space);
  await space.close();
}

async function closing(host) {
  const space = await host.latchwork.open();
  const owner = space.owner();
  const held = await owner.lock(["a", "b"]);
  const blocker = await space.lock(["c", "d", "e", "f"]);
  const waits = [owner.lock(["c", "z"]), owner.withLock("d", () => "ran"), space.lock("e", { owner, timeout: 1000 })];
  waits.push(owner.lock("f", { signal: new AbortController().signal }));
  const failures = waits.map((wait) => rejects(wait));
  const next = space.lock("a");
  is(await owner.close(), 5);
  for (const failure of failures) isError(host, await failure, "cancelled");
  is(await owner.close(), 0);
  same([owner.closed, held.held], [true, false]);
  isError(
    host,
    throws(() => held.release()),
    "not_held",
    { keys: ["a", "b"] },
  );
  held[Symbol.dispose]();
  (await next).release();
  for (const late of [owner.lock("z"), owner.tryLock("z"), owner.withLock("z", () => 1), space.lock("z", { owner })]) {
    isError(host, await rejects(late), "cancelled");
  }
  blocker.release();
  await isEmpty(space);
  await space.owner()[Symbol.asyncDispose]();
  await space.close();
}

async function scopes(host) {
  const space = await host.latchwork.open();
  const { owner, waits, left } = await space.withLock("a", async (guard) => {
    same((await space.query()).held[0].owner, undefined, "an owner nobody asked for");
    is(guard.owner, guard.owner);
    isError(host, await rejects(guard.owner.lock("a")), "deadlock");
    const left = await guard.owner.lock("b");
    const { held } = await space.query();
    same(
      held.map(({ owner }) => owner),
      [{ id: guard.owner.id }, { id: guard.owner.id }],
    );
    const blocker = await space.lock("c");
    const waits = rejects(guard.owner.lock("c"));
    blocker.label; // It stays held: the scope ends what waits for it.
    return { owner: guard.owner, waits, left };
  });
  same([owner.closed, left.held], [true, false]);
  isError(host, await waits, "cancelled");
  same(
    (await space.query()).held.map(({ keys }) => keys),
    [["c"]],
  );
  const given = space.owner();
  await space.withLock("a", { owner: given }, async (guard) => is(guard.owner, given));
  is(given.closed, false, "an owner that was given ended with the scope");
  const plain = await space.lock("a");
  is(plain.owner, undefined);
  plain.release();
  const after = await space.withLock("a", (guard) => guard);
  is(after.owner, undefined, "a scope that is over");
  await space.withLock("a", async (guard) => {
    guard.release();
    (await guard.owner.lock("a")).release();
  });
  await space.close();
}

async function queries(host) {
  const space = await host.latchwork.open();
  const [holder, waiter] = [space.owner("holder"), space.owner("waiter")];
  const guard = await holder.lock("a");
  const waiting = waiter.lock("a");
  const { held, pending } = await space.query();
  same(held[0].owner, { id: holder.id, label: "holder" });
  same(pending[0].owner, { id: waiter.id, label: "waiter" });
  same(pending[0].blockedBy, [{ key: "a", owner: { id: holder.id, label: "holder" }, token: guard.token }]);
  const error = isError(host, await rejects(space.lock("a", { timeout: 0 })), "timeout");
  ok(
    error.blockedBy.some(({ owner }) => owner?.id === holder.id),
    `blockedBy ${show(error.blockedBy)}`,
  );
  guard.release();
  (await waiting).release();
  await space.close();
}

async function elsewhere(host) {
  const { open } = host.latchwork;
  const name = `memory:owners ${Math.random()}`;
  const [here, again, other] = [await open(name), await open(name), await open()];
  const owner = here.owner();
  const held = await owner.lock("a");
  isError(host, await rejects(again.lock("a", { owner })), "deadlock");
  for (const call of [
    other.lock("a", { owner }),
    other.tryLock("a", { owner }),
    other.withLock("a", { owner }, () => "ran"),
  ]) {
    isError(host, await rejects(call), "invalid", { what: "owner" });
  }
  isError(host, await rejects(owner.lock("b", { owner })), "invalid", { what: "owner" });
  held.release();
  await isEmpty(other);
  for (const space of [here, again, other]) await space.close();
}

/** What is in a sub-scope is the same line of work only where that is said. */
async function control(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const error = await space.withLock("a", async () => {
    const again = space.lock("a", { timeout: 5 });
    again.catch(() => {});
    is(await state(again), "pending", "without an owner it waits for itself");
    clock.advance(5);
    return rejects(again);
  });
  isError(host, error, "timeout");
  await space.close();
}

export const tests = [
  { name: "have names", run: names },
  { name: "an own key asked for again is a deadlock and leaves nothing", run: ownKey },
  { name: "two that hold what the other wants", run: cycles },
  { name: "a key that is reserved for who waits for us", run: reserved },
  { name: "one that is closed gives everything up", run: closing },
  { name: "a scope has an owner for the asking", run: scopes },
  { name: "queries and errors name them", run: queries },
  { name: "are of one space", run: elsewhere },
  { name: "control: without an owner the wait for oneself lasts", run: control },
];
