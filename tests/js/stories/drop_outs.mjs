// S8: a queue from which some leave before it is their turn.

import { is, isEmpty, isError, ok, same } from "../check.mjs";
import { quiet, random } from "../turn.mjs";

async function order(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const served = [];
  const left = [];
  const holder = await space.lock("k");
  const stop = new AbortController();
  const wait = async (name, options) => {
    try {
      await space.withLock("k", options, async () => {
        served.push(name);
        await undefined;
      });
    } catch (error) {
      left.push(name);
      if (name === "w2") isError(host, error, "timeout", { keys: ["k"], waited: 10, position: 2 });
      else is(error, stop.signal.reason);
    }
  };
  const all = Promise.all([
    wait("w1"),
    wait("w2", { timeout: 10 }),
    wait("w3"),
    wait("w4", { signal: stop.signal }),
    wait("w5"),
  ]);
  clock.advance(10);
  stop.abort();
  await quiet();
  if (host.freeOrder) left.sort();
  same(left, ["w2", "w4"], "who left");
  holder.release();
  await all;
  same(served, ["w1", "w3", "w5"], "who was served");
  await isEmpty(space);
  await space.close();
}

/** Release and time-out in one turn, in either order: granted or `timeout`, never both and never neither. */
async function race(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const below = random(8);
  const seen = { granted: 0, timeout: 0 };
  for (let round = 0; round < 10_000; round++) {
    const holder = await space.lock("k");
    let outcomes = 0;
    const waiting = space.lock("k", { timeout: 5 }).then(
      (guard) => {
        outcomes++;
        seen.granted++;
        ok(guard.held);
        guard.release();
      },
      (error) => {
        outcomes++;
        seen.timeout++;
        isError(host, error, "timeout");
      },
    );
    const steps = [() => holder.release(), () => clock.advance(5)];
    if (below(2) === 1) steps.reverse();
    for (const step of steps) step();
    await waiting;
    is(outcomes, 1, "outcomes");
    const next = await space.tryLock("k");
    ok(next !== null, "the key is not free");
    next.release();
  }
  ok(seen.granted > 0 && seen.timeout > 0, `only one side won: ${seen.granted} and ${seen.timeout}`);
  await isEmpty(space);
  await space.close();
}

/** A queue of promises, as people write it: who leaves keeps the place, and everybody behind waits for nothing. */
async function control() {
  let tail = Promise.resolve();
  const served = [];
  const enqueue = (name, body) => {
    tail = tail.then(body ?? (() => served.push(name)));
    return tail;
  };
  enqueue("w1");
  // w2 gives up, and the queue does not know.
  enqueue("w2", () => new Promise(() => {}));
  enqueue("w3");
  await quiet();
  same(served, ["w1"], "who was served without the library");
}

export const tests = [
  { name: "who times out or is cancelled is passed over", run: order },
  { name: "10,000 races of release and time-out", run: race },
  { name: "control: a chain of promises gets stuck behind a drop-out", run: control },
];
