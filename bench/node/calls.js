// Updates and transactions: alone, and with many who want the same cell.

import { Effect, STM, TRef } from "effect";
import { comparisons } from "../js/finding.js";
import { interleave } from "../js/rounds.js";
import { Copies, Versions } from "./versions.js";

const KEYS = Array.from({ length: 500 }, (_, number) => `counter:${number}`);
const CONTENDERS = [1, 10, 100];
/** The longest that the loop by hand stands back, in turns of the loop. */
const LONGEST = 64;

/** Measures every case of updates and transactions in a space. */
export async function measureCalls(host, space, settings) {
  const [byHand, copies] = [new Versions(), new Copies()];
  for (const key of KEYS) {
    await space.set(key, { n: 0 });
    byHand.set(key, { n: 0 });
    copies.set(key, { n: 0 });
  }
  const compare = async (name, sides, how = settings) => {
    console.log(`${name}: ${sides.map((side) => side.name).join(", ")}`);
    comparisons(host, name, sides, await interleave(sides, how));
  };
  await compare("cell: update", [
    awaited("Latchwork", (key) => space.update(key, increment)),
    awaited("Map with versions, in a loop", async (key) => exchanged(byHand, key)),
    awaited("Map with versions and copies, in a loop", async (key) => exchanged(copies, key)),
  ]);
  for (const contenders of CONTENDERS) {
    const [ours, loop] = [new Runs("Latchwork"), new Runs("compareExchange in a loop with back-off")];
    await compare(`cell: update, ${contenders} contenders`, [
      together(ours, contenders, (runs) => updated(space, runs)),
      together(loop, contenders, (runs) => looped(space, runs)),
    ]);
  }
  const refs = await Effect.runPromise(Effect.all([STM.commit(TRef.make(0)), STM.commit(TRef.make(0))]));
  await compare("transaction of two cells", [
    awaited("Latchwork", (_, number) => moved(space, number)),
    awaited("effect's TRefs", () => Effect.runPromise(STM.commit(movedBetween(refs)))),
    awaited("Map with versions, in a loop", async (_, number) => movedByHand(byHand, number)),
  ]);
}

const increment = ({ n }) => ({ n: n + 1 });

/** What people write by hand around a map with versions. */
function exchanged(store, key) {
  for (;;) {
    const { value, version } = store.get(key);
    if (store.compareExchange(key, version, increment(value))) return;
  }
}

/** How often bodies ran. */
class Runs {
  #calls = 0;
  #runs = 0;
  #most = 0;

  constructor(name) {
    this.name = name;
  }

  add(runs) {
    this.#calls++;
    this.#runs += runs;
    this.#most = Math.max(this.#most, runs);
  }

  toJSON() {
    return { each: Math.round((100 * this.#runs) / this.#calls) / 100, most: this.#most };
  }
}

async function updated(space, runs) {
  const { attempts } = await space.update("contended", async (value = { n: 0 }) => {
    await undefined;
    return increment(value);
  });
  runs.add(attempts);
}

/** Who loses stands back for a random while, twice as long each time. */
async function looped(space, runs) {
  for (let run = 1, longest = 1; ; run++, longest = Math.min(2 * longest, LONGEST)) {
    const entry = await space.get("contended");
    await undefined;
    if ((await space.compareExchange(entry, increment(entry.value ?? { n: 0 }))).ok) {
      runs.add(run);
      return;
    }
    for (let left = Math.ceil(Math.random() * longest); left > 0; left--) await new Promise(setImmediate);
  }
}

/** Two of the cells, others each time. */
function pairOf(number) {
  return [KEYS[number % KEYS.length], KEYS[(number + 1) % KEYS.length]];
}

function moved(space, number) {
  const [from, to] = pairOf(number);
  return space.transact(async (tx) => {
    const { value: source } = await tx.get(from);
    const { value: target } = await tx.get(to);
    await tx.set(from, { n: source.n - 1 });
    await tx.set(to, { n: target.n + 1 });
  });
}

const movedBetween = ([from, to]) =>
  STM.gen(function* () {
    const source = yield* TRef.get(from);
    const target = yield* TRef.get(to);
    yield* TRef.set(from, source - 1);
    yield* TRef.set(to, target + 1);
  });

function movedByHand(store, number) {
  const [from, to] = pairOf(number).map((key) => store.get(key));
  // Nothing comes in between, so nothing has to be looked at again.
  store.set(from.key, { n: from.value.n - 1 });
  store.set(to.key, { n: to.value.n + 1 });
}

/** A side whose job is awaited. */
function awaited(name, job) {
  return {
    name,
    run: (section, operations) =>
      section(async () => {
        for (let number = 0; number < operations; number++) await job(KEYS[number % KEYS.length], number);
      }),
  };
}

/** So many at a time, which all want the same cell. */
function together(runs, contenders, job) {
  return {
    name: runs.name,
    runs,
    run: (section, operations) =>
      section(async () => {
        for (let done = 0; done < operations; done += contenders) {
          await Promise.all(Array.from({ length: contenders }, () => job(runs)));
        }
      }),
  };
}
