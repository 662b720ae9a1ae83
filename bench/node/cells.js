// Reads and writes of small cells that nobody else writes, scans, and what a watcher costs who writes.

import Keyv from "keyv";
import { comparisons } from "../js/finding.js";
import { interleave } from "../js/rounds.js";
import { Copies, Versions } from "./versions.js";

const KEYS = Array.from({ length: 500 }, (_, number) => `user:${number}`);
const VALUE = { name: "ada", visits: 3, tags: ["a", "b"] };
const SCANNED = 10_000;

/** Measures every case of cells in a space. */
export async function measureCells(host, space, settings) {
  const stores = { byHand: new Versions(), copies: new Copies(), keyv: new Keyv() };
  for (const key of KEYS) {
    await space.set(key, VALUE);
    stores.byHand.set(key, VALUE);
    stores.copies.set(key, VALUE);
    await stores.keyv.set(key, { value: VALUE, version: 1 });
  }
  const compare = async (name, sides, how = settings) => {
    console.log(`${name}: ${sides.map((side) => side.name).join(", ")}`);
    comparisons(host, name, sides, await interleave(sides, how));
  };
  await compare("cell: get", reads(space, stores));
  await compare("cell: set", writes(space, stores));
  await compare("cell: get + compareExchange", exchanges(space, stores));
  await compare("cell: set, watched and read", await watched(space));
  await compare("scan of 10,000 cells, each", await scans(space), { ...settings, operations: SCANNED });
}

function reads(space, { byHand, copies, keyv }) {
  return [
    awaited("Latchwork", (key) => space.get(key)),
    plain("Map with versions", (key) => byHand.get(key)),
    plain("Map with versions and copies", (key) => copies.get(key)),
    awaited("keyv", (key) => keyv.get(key)),
  ];
}

function writes(space, { byHand, copies, keyv }) {
  return [
    awaited("Latchwork", (key) => space.set(key, VALUE)),
    plain("Map with versions", (key) => byHand.set(key, VALUE)),
    plain("Map with versions and copies", (key) => copies.set(key, VALUE)),
    awaited("keyv", (key) => keyv.set(key, { value: VALUE, version: 1 })),
  ];
}

function exchanges(space, { byHand, copies, keyv }) {
  const byHandOf = (store) => (key) => {
    const { version } = store.get(key);
    demand(store.compareExchange(key, version, VALUE));
  };
  return [
    awaited("Latchwork", async (key) => demand((await space.compareExchange(await space.get(key), VALUE)).ok)),
    plain("Map with versions", byHandOf(byHand)),
    plain("Map with versions and copies", byHandOf(copies)),
    // It looks, and then it writes: what is written in between is lost.
    awaited("keyv", async (key) => {
      const seen = await keyv.get(key);
      demand((await keyv.get(key)).version === seen.version);
      await keyv.set(key, { value: VALUE, version: seen.version + 1 });
    }),
  ];
}

/** The same write of one cell: somebody reads each state, somebody watches and never looks, nobody watches. */
async function watched(space) {
  const write = (name, key) => awaited(name, () => space.set(key, VALUE));
  const reader = space.watch("read")[Symbol.asyncIterator]();
  const idler = space.watch("not read")[Symbol.asyncIterator]();
  await Promise.all([reader.next(), idler.next()]);
  const read = write("Latchwork, watched and read", "read");
  return [
    {
      name: read.name,
      async run(section, operations) {
        const last = readToTheEnd(reader);
        await read.run(section, operations);
        await space.delete("read");
        await last;
      },
    },
    write("Latchwork, watched, not read", "not read"),
    write("Latchwork, not watched", "not watched"),
  ];
}

/** Reads every state, up to the one in which the cell is gone. */
async function readToTheEnd(reader) {
  for (;;) {
    const { value: states } = await reader.next();
    if (states[0].version === 0) return;
  }
}

async function scans(space) {
  const [map, keyv] = [new Versions(), new Keyv()];
  for (let number = 0; number < SCANNED; number++) {
    const key = `session:${number}`;
    await space.set(key, VALUE);
    map.set(key, VALUE);
    await keyv.set(key, VALUE);
  }
  const scan = (name, list) => ({
    name,
    run: (section, operations) =>
      section(async () => {
        for (let done = 0; done < operations; done += SCANNED) demand((await list()).length === SCANNED);
      }),
  });
  return [
    scan("Latchwork", () => space.list({ prefix: "session:" })),
    scan("Map with versions, sorted", () => map.list("session:")),
    scan("keyv, in no order", async () => {
      const found = [];
      for await (const [key, value] of keyv.iterator()) if (key.startsWith("session:")) found.push(value);
      return found;
    }),
  ];
}

/** Nobody else writes, so nothing is ever missed. */
function demand(fine) {
  if (!fine) throw new Error("the bench does not do what it measures");
}

/** A side whose job is awaited. */
function awaited(name, job) {
  return {
    name,
    run: (section, operations) =>
      section(async () => {
        for (let number = 0; number < operations; number++) await job(KEYS[number % KEYS.length]);
      }),
  };
}

/** A side whose job is a plain call. */
function plain(name, job) {
  return {
    name,
    run: (section, operations) =>
      section(() => {
        for (let number = 0; number < operations; number++) job(KEYS[number % KEYS.length]);
      }),
  };
}
