// S1: two actors need the same two accounts, and name them in opposite orders.

import { is, isEmpty, isError, ok, same } from "../check.mjs";
import { barrier, quiet, turn } from "../turn.mjs";

const ROUNDS = 1000;

/** Runs both actors; answers how often the pair was entered. */
async function trade(host, first, second) {
  const space = await host.latchwork.open();
  let inside = 0;
  let entries = 0;
  const actor = async (keys) => {
    for (let round = 0; round < ROUNDS; round++) {
      await space.withLock(keys, async () => {
        is(++inside, 1, "actors inside");
        await undefined;
        entries++;
        is(inside--, 1, "actors inside");
      });
    }
  };
  await Promise.all([actor(first), actor(second)]);
  await isEmpty(space);
  await space.close();
  return entries;
}

async function bothFinish(host) {
  is(await trade(host, ["u1", "u2"], ["u2", "u1"]), 2 * ROUNDS, "entries");
}

async function oneKeyTwice(host) {
  is(await trade(host, ["u1", "u1"], ["u1", "u1"]), 2 * ROUNDS, "entries");
}

/** One lock inside the other, in opposite orders: each waits for the other, and `query` shows it. */
async function control(host) {
  const space = await host.latchwork.open();
  const meet = barrier(2);
  const stop = new AbortController();
  const actor = async (label, first, second) => {
    const outer = await space.lock(first, { label });
    await meet();
    try {
      (await space.lock(second, { label, signal: stop.signal })).release();
      return "finished";
    } catch (error) {
      is(error, stop.signal.reason);
      return "stuck";
    } finally {
      outer.release();
    }
  };
  const both = Promise.all([actor("buyer", "u1", "u2"), actor("seller", "u2", "u1")]);
  for (let turns = 0; turns < 100; turns++) await turn();
  await quiet();
  const { pending } = await space.query();
  const blocked = pending.map((wait) => [wait.label, wait.blockedBy.map((blocker) => blocker.label)]);
  same(
    blocked.sort(),
    [
      ["buyer", ["seller"]],
      ["seller", ["buyer"]],
    ],
    "who waits for whom",
  );
  stop.abort();
  same(await both, ["stuck", "stuck"]);
  await quiet();
  await isEmpty(space);
  await space.close();
}

/** The same by owners: one of them is refused, lets go what it has, and the other completes. */
async function owners(host) {
  const space = await host.latchwork.open();
  const meet = barrier(2);
  const actor = async (label, first, second) => {
    const owner = space.owner(label);
    const outer = await space.lock(first, { owner });
    await meet();
    try {
      (await space.lock(second, { owner })).release();
      return "finished";
    } catch (error) {
      const { cycle } = isError(host, error, "deadlock");
      same(cycle.map((step) => step.owner.label).sort(), ["buyer", "seller"], "who waits for whom");
      same(cycle.map((step) => step.key).sort(), ["u1", "u2"]);
      is(cycle[0].owner.id, owner.id, "whose request closed the circle");
      ok(outer.held, "what it held is gone");
      return "refused";
    } finally {
      outer.release();
    }
  };
  for (let round = 0; round < 100; round++) {
    const both = await Promise.all([actor("buyer", "u1", "u2"), actor("seller", "u2", "u1")]);
    same(both.sort(), ["finished", "refused"]);
  }
  await isEmpty(space);
  await space.close();
}

export const tests = [
  { name: "both finish, and never two are inside", run: bothFinish },
  { name: "a key named twice is one key", run: oneKeyTwice },
  { name: "single locks in opposite orders by owners: one is refused, the other completes", run: owners },
  { name: "control: single locks in opposite orders get stuck", run: control },
];
