// S7: whoever holds {a, b, c} ends after it has released a. What becomes of a worker thread that dies is in the tests of the
// Node package: a page shares its spaces with nobody.

import { is, isEmpty, ok, same } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

const ROUNDS = 1000;

async function theOthersGoOn(host) {
  const space = await host.latchwork.open();
  for (let count = 0; count < ROUNDS; count++) await round(host, space);
  await isEmpty(space);
  await space.close();
}

async function round(host, space) {
  const owner = space.owner("it");
  const guard = await space.lock(["a", "b", "c"], { owner });
  const served = [];
  const waits = [["a"], ["b"], ["c"], ["b", "c"]].map(async (keys) => {
    const granted = await space.lock(keys);
    served.push(keys.join());
    return granted;
  });
  guard.release("a");
  const forA = await waits[0];
  same(served, ["a"], "served at the release");
  is(await owner.close(), 1, "what ended with it");
  ok(guard.lost.aborted && !guard.held, "it holds after its end");
  const [forB, forC] = [await waits[1], await waits[2]];
  if (host.freeOrder) served.sort();
  same(served, ["a", "b", "c"], "served after its end");
  ok(forB.token > guard.token && forA.held, "the grants");
  forB.release();
  same(
    (await space.query()).pending.map(({ keys }) => keys),
    [["b", "c"]],
    "who still waits",
  );
  forC.release();
  const both = await waits[3];
  // It said that it ends: nothing is half done.
  same(
    [forA, forB, forC, both].map(({ abandoned }) => abandoned),
    [false, false, false, false],
  );
  for (const each of [forA, both]) each.release();
}

/** A chain of promises for each key: what the dead had is taken for ever. */
async function control() {
  const chains = new Map();
  const lock = (key) => {
    let release;
    const before = chains.get(key) ?? Promise.resolve();
    chains.set(key, new Promise((resolve) => (release = resolve)));
    return before.then(() => release);
  };
  const [a] = [await lock("a"), await lock("b"), await lock("c")];
  const waits = ["a", "b", "c"].map(lock);
  // It lets a go, and is heard of no more.
  a();
  await quiet();
  same([await state(waits[0]), await state(waits[1]), await state(waits[2])], ["fulfilled", "pending", "pending"]);
}

export const tests = [
  { name: `the others go on in order, ${ROUNDS} times`, run: theOthersGoOn },
  { name: "control: a chain of promises for each key keeps what the dead had", run: control },
];
