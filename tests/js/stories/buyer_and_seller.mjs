// S1: two actors need the same two accounts, and name them in opposite orders.

import { is, isEmpty, same } from "../check.mjs";
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

export const tests = [
  { name: "both finish, and never two are inside", run: bothFinish },
  { name: "a key named twice is one key", run: oneKeyTwice },
  { name: "control: single locks in opposite orders get stuck", run: control },
];
