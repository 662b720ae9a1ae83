// Times a space of the page beside the browser's own locks.

import { open } from "latchwork-web";
import { comparisons } from "../js/finding.js";
import { interleave } from "../js/rounds.js";

// A page's clock may tick in whole milliseconds only, so each side works for tens of them.
const OURS = 40_000;
const THEIRS = 400;

const query = new URLSearchParams(location.search);
const host = query.get("host");
const rounds = query.has("quick") ? 5 : 25;
const { locks } = navigator;

async function run() {
  const space = await open();
  await compare(
    "in a page: lock + release, one key",
    (key) => space.withLock(key, async () => {}),
    (key) => locks.request(key, async () => {}),
  );
  await compare(
    "in a page: lock + release, two keys",
    (key) => space.withLock([key, `${key}/pages`], async () => {}),
    // They know one key at a time.
    (key) => locks.request(key, () => locks.request(`${key}/pages`, async () => {})),
  );
  await space.close();
}

async function compare(name, ours, theirs) {
  console.log(`${name}: Latchwork, navigator.locks`);
  const sides = [side("Latchwork", OURS, ours), side("navigator.locks", THEIRS, theirs)];
  const clock = () => performance.now() * 1e6;
  comparisons(host, name, sides, await interleave(sides, { operations: OURS, rounds, clock }));
}

function side(name, operations, job) {
  return {
    name,
    operations,
    run: (section, count) =>
      section(async () => {
        for (let number = 0; number < count; number++) await job(`document/${number % 100}`);
      }),
  };
}

/** The runner waits for it. */
globalThis.bench = run();
