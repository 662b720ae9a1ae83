// S9: a request for several keys has all of them or none, for everybody who looks.

import { is, isEmpty, ok, same } from "../check.mjs";
import { random, turn } from "../turn.mjs";

async function holdsNothing(host) {
  const space = await host.latchwork.open();
  const x = await space.lock("k2");
  const waiting = space.lock(["k1", "k2"], { label: "B" });
  const { held, pending } = await space.query();
  same(
    held.map((hold) => hold.keys),
    [["k2"]],
    "what is held",
  );
  is(pending.length, 1, "waits");
  // The price: it is free, and reserved.
  is(await space.tryLock("k1"), null, "a try on the reserved key");
  x.release();
  const guard = await waiting;
  same([...guard.keys].sort(), ["k1", "k2"]);
  guard.release();
  await isEmpty(space);
  await space.close();
}

const KEYS = ["k0", "k1", "k2", "k3", "k4"];

/** `take(keys)`, `give(keys)`: how the actors lock. Answers how many snapshots showed half of a set. */
async function crowd(space, actors, rounds, snapshots, use) {
  const below = random(9);
  const pick = () => {
    const keys = [...KEYS];
    return Array.from({ length: 3 }, () => keys.splice(below(keys.length), 1)[0]);
  };
  let running = actors + 1;
  let half = 0;
  const actor = async (name, choose) => {
    for (let round = 0; round < rounds; round++) await use(name, choose());
    running--;
  };
  const watcher = async () => {
    for (let taken = 0; taken < snapshots || running > 0; taken++) {
      const { held } = await space.query();
      const sizes = new Map();
      for (const { label, keys } of held) sizes.set(label, (sizes.get(label) ?? 0) + keys.length);
      for (const [label, size] of sizes) if (size !== (label === "all" ? 5 : 3)) half++;
      const keys = held.flatMap((hold) => hold.keys);
      is(new Set(keys).size, keys.length, "keys held twice");
      if (taken % 20 === 0) await turn();
    }
  };
  const everybody = Array.from({ length: actors }, (_, index) => actor(`actor ${index}`, pick));
  await Promise.all([...everybody, actor("all", () => KEYS), watcher()]);
  return half;
}

async function noHalves(host) {
  const space = await host.latchwork.open();
  const half = await crowd(space, 40, 20, 10_000, (label, keys) => space.withLock(keys, { label }, () => turn()));
  is(half, 0, "snapshots that show half of a set");
  await isEmpty(space);
  await space.close();
}

/** One lock after the other, in one order so that it ends: the snapshots show halves. */
async function control(host) {
  const space = await host.latchwork.open();
  const half = await crowd(space, 10, 5, 100, async (label, keys) => {
    const guards = [];
    for (const key of [...keys].sort()) guards.push(await space.lock(key, { label }));
    await turn();
    for (const guard of guards) guard.release();
  });
  ok(half > 0, "no snapshot showed half of a set");
  await space.close();
}

export const tests = [
  { name: "who waits for several keys holds none", run: holdsNothing },
  { name: "40 actors and one that wants everything all finish, and no snapshot shows half", run: noHalves },
  { name: "control: locks taken one by one show halves", run: control },
];
