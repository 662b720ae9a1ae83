// Abort before, during and after the grant (clause L7).

import { is, isEmpty, ok, rejects, same } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

async function before(host) {
  const space = await host.latchwork.open();
  const reason = new Error("reason");
  const signal = AbortSignal.abort(reason);
  is(await rejects(space.lock("k", { signal })), reason);
  let ran = false;
  is(
    await rejects(
      space.withLock("k", { signal }, () => {
        ran = true;
      }),
    ),
    reason,
  );
  is(ran, false, "the body ran");
  is(await rejects(space.lock("k", { signal: AbortSignal.abort(null) })), null);
  await isEmpty(space);
  await space.close();
}

async function whileWaiting(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  const stop = new AbortController();
  const waiting = space.lock(["k", "free"], { signal: stop.signal });
  const failure = rejects(waiting);
  const behind = space.lock("free");
  is(await state(behind), "pending");
  stop.abort("reason");
  is((await space.query()).pending.length, 0, "waits after the abort");
  is(await failure, "reason");
  (await behind).release();
  guard.release();
  await isEmpty(space);
  await space.close();
}

/** A queued exclusive that is aborted lets the shared ones behind it join the shared holder. */
async function sharedBehind(host) {
  const space = await host.latchwork.open();
  const reader = await space.lock("k", { mode: "shared" });
  const stop = new AbortController();
  const failure = rejects(space.lock("k", { signal: stop.signal }));
  const next = [space.lock("k", { mode: "shared" }), space.lock("k", { mode: "shared" })];
  is(await state(next[0]), "pending");
  stop.abort();
  const guards = await Promise.all(next);
  same(
    guards.map((guard) => guard.held),
    [true, true],
  );
  for (const guard of [reader, ...guards]) guard.release();
  is(await failure, stop.signal.reason);
  await isEmpty(space);
  await space.close();
}

/** The grant comes and the abort follows in the same turn: the abort wins, and the keys go on. */
async function inTheTurnOfTheGrant(host) {
  const space = await host.latchwork.open();
  for (let round = 0; round < 100; round++) {
    const guard = await space.lock("k");
    const stop = new AbortController();
    const failure = rejects(space.lock("k", { signal: stop.signal }));
    const third = space.lock("k");
    guard.release();
    const asked = space.query();
    stop.abort("late");
    same(
      (await asked).held.map((hold) => hold.claimed),
      [false],
      "the grant that nobody has seen",
    );
    is(await failure, "late");
    (await third).release();
  }
  await isEmpty(space);
  await space.close();
}

/** A free key: also here an abort in the same turn wins. */
async function inTheTurnOfTheCall(host) {
  const space = await host.latchwork.open();
  const stop = new AbortController();
  const failure = rejects(space.lock("k", { signal: stop.signal }));
  let ran = false;
  const scoped = rejects(
    space.withLock("l", { signal: stop.signal }, () => {
      ran = true;
    }),
  );
  stop.abort("same turn");
  is(await failure, "same turn");
  is(await scoped, "same turn");
  is(ran, false, "the body ran");
  await isEmpty(space);
  await space.close();
}

async function after(host) {
  const space = await host.latchwork.open();
  const stop = new AbortController();
  const guard = await space.lock("k", { signal: stop.signal });
  stop.abort();
  await quiet();
  ok(guard.held, "an abort after the grant took the lock");
  guard.release();
  const scoped = await space.withLock("k", { signal: new AbortController().signal }, () => "value");
  is(scoped, "value");
  await isEmpty(space);
  await space.close();
}

/** A signal that lives long must not gather what it once stood for. */
async function listeners(host) {
  const space = await host.latchwork.open();
  let added = 0;
  const { signal } = new AbortController();
  const count = (name, by) => {
    const original = signal[name];
    signal[name] = (...given) => {
      added += by;
      return original.apply(signal, given);
    };
  };
  count("addEventListener", 1);
  count("removeEventListener", -1);
  for (let round = 0; round < 50; round++) {
    const guard = await space.lock("k");
    const waiting = space.lock("k", { signal });
    guard.release();
    (await waiting).release();
  }
  is(added, 0, "listeners left");
  await isEmpty(space);
  await space.close();
}

/** Everybody gives up at once, newest first and oldest first: linear, and nothing is left. */
async function everybody(host) {
  const space = await host.latchwork.open();
  for (const reverse of [false, true]) {
    const guard = await space.lock("k");
    const stops = Array.from({ length: 5000 }, () => new AbortController());
    const failures = stops.map((stop) => rejects(space.lock("k", { signal: stop.signal })));
    for (const stop of reverse ? [...stops].reverse() : stops) stop.abort();
    await Promise.all(failures);
    guard.release();
    await isEmpty(space);
  }
  await space.close();
}

export const tests = [
  { name: "aborted before the call: nothing is queued", run: before },
  { name: "aborted while it waits", run: whileWaiting },
  { name: "aborted in front of shared requests", run: sharedBehind },
  { name: "aborted in the turn of the grant", run: inTheTurnOfTheGrant },
  { name: "aborted in the turn of the call", run: inTheTurnOfTheCall },
  { name: "aborted after the grant: nothing happens", run: after },
  { name: "leave no listeners", run: listeners },
  { name: "5,000 aborted at once", run: everybody },
];
