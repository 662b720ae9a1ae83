// 100,000 waiters on one key, settled in one turn: no stack runs over, nobody is lost, the order holds.

import { is, isEmpty, isError } from "../check.mjs";

const MANY = 100_000;

async function grantedTogether(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  const waits = Array.from({ length: MANY }, () => space.lock("k", { mode: "shared" }));
  guard.release();
  const guards = await Promise.all(waits);
  for (const one of guards) one.release();
  await isEmpty(space);
  await space.close();
}

async function oneAfterTheOther(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  let served = 0;
  const waits = Array.from({ length: MANY }, (_, index) => space.withLock("k", () => is(served++, index, "order")));
  guard.release();
  await Promise.all(waits);
  is(served, MANY);
  await isEmpty(space);
  await space.close();
}

async function closed(host) {
  const space = await host.latchwork.open();
  await space.lock("k");
  const waits = Array.from({ length: MANY }, () => space.lock("k"));
  const ends = Promise.allSettled(waits);
  await space.close();
  for (const { reason } of await ends) isError(host, reason, "closed");
}

async function timedOut(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const guard = await space.lock("k");
  const ends = Promise.allSettled(Array.from({ length: 10_000 }, () => space.lock("k", { timeout: 5 })));
  clock.advance(5);
  for (const { reason } of await ends) isError(host, reason, "timeout");
  guard.release();
  await isEmpty(space);
  await space.close();
}

async function aborted(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("k");
  const stop = new AbortController();
  const ends = Promise.allSettled(
    Array.from({ length: 10_000 }, () => space.lock("k", { mode: "shared", signal: stop.signal })),
  );
  guard.release();
  stop.abort("late");
  for (const { reason } of await ends) is(reason, "late");
  await isEmpty(space);
  await space.close();
}

export const tests = [
  { name: "100,000 granted together", run: grantedTogether },
  { name: "100,000 granted one after the other", run: oneAfterTheOther },
  { name: "100,000 closed together", run: closed },
  { name: "10,000 timed out together", run: timedOut },
  { name: "10,000 granted and aborted in one turn", run: aborted },
];
