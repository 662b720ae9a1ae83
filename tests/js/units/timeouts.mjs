// Time-outs (clause L8), by the manual clock and by the host's own.

import { is, isEmpty, isError, ok, rejects, same, throws } from "../check.mjs";
import { state } from "../turn.mjs";

async function manual(host) {
  const clock = host.testing.manualClock();
  clock.advance(1000);
  is(clock.now, 1000);
  const space = await host.latchwork.open(undefined, { clock });
  const guard = await space.lock("k", { label: "holder" });
  const waiting = space.lock(["k", "l"], { timeout: 20, label: "waiter" });
  waiting.catch(() => {});
  clock.advance(19);
  is(await state(waiting), "pending");
  clock.advance(1);
  const error = isError(host, await rejects(waiting), "timeout", { waited: 20, position: 1, label: "waiter" });
  same([...error.keys].sort(), ["k", "l"]);
  same(error.blockedBy, [{ key: "k", label: "holder", token: guard.token }]);
  guard.release();
  await isEmpty(space);
  await space.close();
}

async function named(host) {
  const { manualClock } = host.testing;
  const [here, there, other] = [manualClock("named"), manualClock("named"), manualClock("other")];
  here.advance(3);
  const spaces = [];
  for (const clock of [here, there, other])
    spaces.push(await host.latchwork.open("memory:named clock", { clock }).catch((error) => error));
  const [mine, theirs, refused] = spaces;
  isError(host, refused, "invalid", { what: "clock" });
  there.advance(4);
  same([here.now, there.now, other.now], [7, 7, 0]);
  const guard = await mine.lock("k");
  const waiting = rejects(theirs.lock("k", { timeout: 5 }));
  here.advance(5);
  isError(host, await waiting, "timeout", { waited: 5 });
  isError(
    host,
    throws(() => manualClock(1)),
    "invalid",
    { what: "name" },
  );
  guard.release();
  await mine.close();
  await theirs.close();
}

async function zero(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k", { timeout: 0 });
  isError(host, await rejects(space.lock("k", { timeout: 0 })), "timeout", { waited: 0, keys: ["k"] });
  isError(host, await rejects(space.lock("k", { timeout: 0, label: "mine" })), "timeout", { label: "mine" });
  const unnamed = isError(host, await rejects(space.withLock("k", { timeout: -0 }, () => {})), "timeout");
  ok(!("label" in unnamed));
  is((await space.query()).pending.length, 0);
  guard.release();
  await isEmpty(space);
  await space.close();
}

async function never(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const guard = await space.lock("k");
  const waits = [Number.POSITIVE_INFINITY, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER].map((timeout) =>
    space.lock("k", { timeout }),
  );
  clock.advance(1e12);
  for (const wait of waits) is(await state(wait), "pending");
  guard.release();
  for (const wait of waits) (await wait).release();
  await isEmpty(space);
  await space.close();
}

/** The host's own timer: armed for the nearest, again for the next, and gone when nobody waits. */
async function hostTimer(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  const order = [];
  const wait = (name, timeout) =>
    space.lock("k", { timeout }).then(
      () => order.push(`${name} granted`),
      (error) => {
        isError(host, error, "timeout");
        ok(error.waited >= timeout, `waited ${error.waited} of ${timeout}`);
        order.push(name);
      },
    );
  await Promise.all([wait("third", 30), wait("first", 1), wait("second", 12.5)]);
  same(order, ["first", "second", "third"]);
  guard.release();
  await isEmpty(space);
  await space.close();
}

export const tests = [
  { name: "by the manual clock", run: manual },
  { name: "by a clock with a name, which is one wherever it is named", run: named },
  { name: "of zero: granted at once or not at all", run: zero },
  { name: "that never come", run: never },
  { name: "by the host's own timer", run: hostTimer },
];
