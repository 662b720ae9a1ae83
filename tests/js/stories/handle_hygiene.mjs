// S10: guards and keys used in every wrong way.

import { is, isEmpty, isError, ok, rejects, same, throws } from "../check.mjs";
import { state } from "../turn.mjs";

async function releaseTwice(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  guard.release();
  isError(
    host,
    throws(() => guard.release()),
    "not_held",
  );
  guard[Symbol.dispose]();
  await guard[Symbol.asyncDispose]();
  is(guard.held, false);
  await isEmpty(space);
  await space.close();
}

async function staleGuard(host) {
  const space = await host.latchwork.open();
  const stale = await space.lock("k");
  stale.release();
  const fresh = await space.lock("k");
  ok(fresh.token > stale.token, "the token did not rise");
  isError(
    host,
    throws(() => stale.release()),
    "not_held",
  );
  stale[Symbol.dispose]();
  ok(fresh.held, "the newer grant is gone");
  is(await space.tryLock("k"), null);
  fresh.release();
  await isEmpty(space);
  await space.close();
}

async function anotherSpace(host) {
  const [here, there] = [await host.latchwork.open(), await host.latchwork.open()];
  const mine = await here.lock("k");
  const theirs = await there.lock("k");
  mine.release();
  isError(
    host,
    throws(() => mine.release()),
    "not_held",
  );
  ok(theirs.held, "the guard of the other space is gone");
  same((await there.query()).held.length, 1);
  theirs.release();
  for (const space of [here, there]) {
    await isEmpty(space);
    await space.close();
  }
}

async function insideScope(host) {
  const space = await host.latchwork.open();
  const answer = await space.withLock("k", async (guard) => {
    guard.release();
    const next = await space.lock("k");
    next.release();
    return "value";
  });
  is(answer, "value");
  const own = new Error("own");
  const thrown = await rejects(
    space.withLock("k", (guard) => {
      guard.release();
      throw own;
    }),
  );
  is(thrown, own);
  await isEmpty(space);
  await space.close();
}

/** Without owners an own key is a key like any other: the request waits, until its time is up. */
async function ownKeyAgain(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const error = await space.withLock("k", async () => {
    is(await space.tryLock("k"), null);
    const again = space.lock("k", { timeout: 20 });
    again.catch(() => {});
    is(await state(again), "pending");
    clock.advance(20);
    return rejects(again);
  });
  isError(host, error, "timeout", { keys: ["k"] });
  await isEmpty(space);
  await space.close();
}

/** With an owner it would wait for itself. */
async function ownKeyOfAnOwner(host) {
  const space = await host.latchwork.open();
  const owner = space.owner("own");
  const guard = await space.lock(["k", "l"], { owner });
  for (const mode of ["exclusive", "shared"]) {
    const error = isError(host, await rejects(space.lock(["free", "k"], { owner, mode, label: "again" })), "deadlock");
    same(error.cycle, [{ key: "k", label: "again", owner: { id: owner.id, label: "own" } }]);
  }
  is(await space.tryLock("k", { owner }), null, "a try is no deadlock");
  ok(guard.held, "what it held is gone");
  same((await space.query()).pending, [], "something is left queued");
  await space.withLock("s", { mode: "shared" }, async ({ owner }) => {
    isError(host, await rejects(space.lock("s", { owner })), "deadlock");
  });
  guard.release();
  (await space.lock("k", { owner })).release();
  await isEmpty(space);
  await space.close();
}

async function lookAlikes(host) {
  const { open, key } = host.latchwork;
  const space = await open();
  const keys = [1, "1", 10, "01", true, new Uint8Array([1]), key(1), key("1"), key()];
  const guards = [];
  for (const one of keys) guards.push(await space.tryLock(one));
  ok(!guards.includes(null), "two keys are taken for one");
  for (const one of keys) is(await space.tryLock(one), null);
  for (const guard of guards) guard.release();
  let entries = 0;
  const actor = async (mine) => {
    for (let round = 0; round < 200; round++) {
      await space.withLock(mine, async () => {
        entries++;
        await undefined;
      });
    }
  };
  await Promise.all([actor(keys), actor([...keys].reverse())]);
  is(entries, 400, "entries");
  await isEmpty(space);
  await space.close();
}

/** Keys turned into text, as many do it: what differs is one, and who holds both waits for itself. */
async function control(host) {
  const space = await host.latchwork.open();
  const asText = (key) => String(key);
  const guard = await space.lock(asText(1));
  is(await space.tryLock(asText("1")), null, "the look-alike");
  guard.release();
  await space.close();
}

export const tests = [
  { name: "a second release throws, a second disposal does nothing", run: releaseTwice },
  { name: "a stale guard never touches a newer grant", run: staleGuard },
  { name: "a guard of another space touches nothing here", run: anotherSpace },
  { name: "a release inside scoped use", run: insideScope },
  { name: "an own key asked for again waits", run: ownKeyAgain },
  { name: "an own key asked for again by an owner is a deadlock", run: ownKeyOfAnOwner },
  { name: "look-alike keys are different keys, in any order", run: lookAlikes },
  { name: "control: keys made of text are taken for one", run: control },
];
