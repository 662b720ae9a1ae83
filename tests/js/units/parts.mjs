// Giving up part of a lock, and locks that are taken away.

import { is, isEmpty, isError, ok, rejects, same, throws } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

async function partial(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const guard = await space.lock(["a", key("user", 1), 7], { shared: ["s", "t"] });
  const next = space.lock(key("user", 1));
  guard.release([key("user", 1), "s"]);
  same([guard.keys, guard.shared, guard.held], [["a", 7], ["t"], true]);
  is(await state(next), "fulfilled");
  for (const keys of ["s", key("user", 1), ["a", "z"], "z"]) {
    isError(
      host,
      throws(() => guard.release(keys)),
      "not_held",
    );
  }
  const error = throws(() => guard.release(["a", "z", "s"]));
  same(error.keys, ["z", "s"]);
  same(guard.keys, ["a", 7], "a release that was refused changed something");
  guard.release([]);
  guard.release(7n);
  same(guard.keys, ["a"], "an integer is one key, whatever its type");
  guard.release(["a", "t"]);
  same([guard.keys, guard.shared, guard.held], [[], [], false]);
  isError(
    host,
    throws(() => guard.release()),
    "not_held",
  );
  guard[Symbol.dispose]();
  (await next).release();
  await isEmpty(space);
  await space.close();
}

async function byName(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  for (const unasked of [true, false]) {
    const guard = await space.lock(["a", "b"], { shared: "s" });
    const before = unasked ? undefined : guard.lost;
    guard.release(["a", "s"]);
    guard.release("b");
    same([guard.held, guard.lost.aborted], [false, false]);
    is(await space.revoke(["a", "b", "s"]), 0);
    is(guard.lost.aborted, false);
    if (!unasked) is(guard.lost, before);
  }
  // Of a sub-space: neither is what it cannot name given back by that, nor forgotten.
  const job = space.within("t").owner();
  const guards = job.handedOver[Symbol.asyncIterator]();
  const given = async () => {
    await (await space.lock(["x", "y", key("t", "a")], { maxHold: 60_000 })).handOver(job);
    return (await guards.next()).value;
  };
  const lost = await given();
  const { lost: signal } = lost;
  lost.release("a");
  same([lost.keys, lost.held, signal.aborted], [[], true, false]);
  isError(
    host,
    throws(() => lost.release("a")),
    "not_held",
    { keys: ["a"] },
  );
  is(await space.revoke("y"), 1);
  same([lost.held, signal.aborted], [false, true]);
  is(await space.tryLock("x"), null, "what was not taken stays reserved");
  lost.release();
  await isEmpty(space);
  for (const end of ["release", "dispose", "asyncDispose", "handOver"]) {
    const [guard, other] = [await given(), space.owner()];
    const { lost: quietly } = guard;
    guard.release("a");
    ok(guard.held);
    if (end === "handOver") await guard.handOver(other);
    else await guard[end === "release" ? end : Symbol[end]]();
    same([guard.held, quietly.aborted], [false, false]);
    await other.close();
    await isEmpty(space);
  }
  const held = await space.lock(["z", key("t", "a")]);
  const scope = space.within("t").withLock("a", { owner: job }, (guard) => {
    guard.release("a");
    return guard.held;
  });
  await held.handOver(job);
  is(await scope, true);
  ok(await space.tryLock("z"), "the end of a scope gives back all of it");
  await space.close();
}

async function downgrade(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock(["a", "b"], { shared: "s" });
  const readers = [space.lock("a", { mode: "shared" }), space.lock("b", { mode: "shared" })];
  guard.downgrade("a");
  same([guard.keys, guard.shared], [["b"], ["s", "a"]]);
  same([await state(readers[0]), await state(readers[1])], ["fulfilled", "pending"]);
  guard.downgrade("s");
  guard.downgrade();
  guard.downgrade();
  same([guard.keys, guard.shared, guard.held], [[], ["s", "a", "b"], true]);
  for (const reader of readers) (await reader).release();
  isError(
    host,
    throws(() => guard.downgrade(["a", "z"])),
    "not_held",
    { keys: ["z"] },
  );
  guard.release();
  isError(
    host,
    throws(() => guard.downgrade()),
    "not_held",
  );
  await isEmpty(space);
  await space.close();
}

async function revoked(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock(["a", "b"]);
  const readers = [await space.lock("r", { mode: "shared" }), await space.lock("r", { mode: "shared" })];
  const [a, b] = [space.lock("a"), space.lock("b")];
  const { lost } = guard;
  let heard = 0;
  lost.addEventListener("abort", () => {
    heard++;
    // What it calls is a call like any other.
    is(guard.held, false);
  });
  is(lost, guard.lost);
  is(lost.aborted, false);
  is(await space.revoke("a"), 1);
  same([guard.held, lost.aborted, heard], [false, true, 1]);
  isError(host, lost.reason, "not_held", { keys: ["a", "b"] });
  same([await state(a), await state(b)], ["fulfilled", "pending"], "what was not taken stays reserved");
  guard.release();
  is(await state(b), "fulfilled");
  isError(
    host,
    throws(() => guard.release()),
    "not_held",
  );
  is(await space.revoke(["r", "none"]), 2);
  ok(readers[0].lost.aborted, "asked for after it was lost");
  is(await space.revoke("r"), 0);
  for (const waiter of [a, b]) (await waiter).release();
  const kept = await space.lock("k");
  const signal = kept.lost;
  kept.release();
  is(await space.revoke("k"), 0);
  is(signal.aborted, false, "a release is no loss");
  is(kept.lost, signal);
  await isEmpty(space);
  const last = await space.lock("k");
  const ending = last.lost;
  await space.close();
  ok(ending.aborted, "a space that is closed takes its locks away");
  isError(host, await rejects(space.revoke("k")), "closed");
}

async function withOwner(host) {
  const space = await host.latchwork.open();
  const owner = space.owner();
  const { lost } = await owner.lock("k");
  await owner.close();
  ok(lost.aborted);
  await isEmpty(space);
  await space.close();
}

async function maxHold(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const guard = await space.lock("a", { maxHold: 10 });
  const tried = await space.tryLock("b", { maxHold: 20 });
  const { lost } = guard;
  const next = space.lock("a", { maxHold: 10, timeout: 100 });
  clock.advance(9);
  same([guard.held, lost.aborted, await state(next)], [true, false, "pending"]);
  clock.advance(1);
  same([guard.held, lost.aborted, await state(next)], [false, true, "fulfilled"]);
  ok(tried.held);
  clock.advance(9);
  ok((await next).held, "it counts from the grant");
  clock.advance(1);
  same([(await next).held, tried.held], [false, false]);
  isError(
    host,
    throws(() => guard.release()),
    "not_held",
  );
  is(await space.withLock("a", { maxHold: 0 }, (gone) => gone.held), false);
  await isEmpty(space);
  await space.close();
}

/** What is asked is decided by the clock at the asking, before anybody has told the end (clause B5). */
async function noTime(host) {
  const space = await host.latchwork.open();
  const over = () => space.lock("a", { maxHold: 0 });
  const guard = await over();
  same([guard.held, guard.lost.aborted], [false, true]);
  isError(host, guard.lost.reason, "not_held");
  await over();
  const tried = await space.tryLock("a");
  ok(tried !== null, "it fails exactly where a lock would wait");
  isError(
    host,
    throws(() => guard.release()),
    "not_held",
  );
  tried.release();
  await over();
  (await space.lock("a", { timeout: 0 })).release();
  await over();
  (await space.lock("a")).release();
  await over();
  same((await space.query("a")).held, []);
  for (const act of ["release", "downgrade"]) {
    const gone = await over();
    isError(
      host,
      throws(() => gone[act]()),
      "not_held",
    );
  }
  await over();
  is(await space.revoke("a"), 0, "nothing was left to take away");
  await isEmpty(space);
  await space.close();
}

/** `undefined` is a slip, such as of a map that has no such entry: no argument is none. */
async function slips(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock(["a", "b"]);
  for (const wrong of [undefined, null]) {
    for (const act of ["release", "downgrade"]) {
      isError(
        host,
        throws(() => guard[act](wrong)),
        "invalid",
        { what: "keys" },
      );
    }
  }
  same([guard.held, guard.keys], [true, ["a", "b"]]);
  guard.downgrade();
  same([guard.keys, guard.shared], [[], ["a", "b"]]);
  guard.release();
  await isEmpty(space);
  await space.close();
}

/** By the host's own time: the timer of the space is armed for the end of a lock. */
async function inTime(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("a", { maxHold: 5 });
  // A wait with a deadline keeps the process alive, the end of a lock does not.
  const waiting = space.lock("a", { timeout: 60_000 });
  await new Promise((resolve) => guard.lost.addEventListener("abort", resolve));
  (await waiting).release();
  await quiet();
  await isEmpty(space);
  await space.close();
}

export const tests = [
  { name: "some keys of a lock are released", run: partial },
  { name: "a lock whose keys were released by name is not lost", run: byName },
  { name: "a lock is downgraded", run: downgrade },
  { name: "a lock is revoked, in part", run: revoked },
  { name: "a lock is lost with its owner", run: withOwner },
  { name: "a lock ends by itself", run: maxHold },
  { name: "a lock whose time is over is gone for whoever asks", run: noTime },
  { name: "a slip releases and downgrades nothing", run: slips },
  { name: "a lock ends by itself in the host's own time", run: inTime },
];
