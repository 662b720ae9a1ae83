// Times a key that nobody else wants while 10,000 requests wait for another one, beside Node's own locks.

import { parseArgs } from "node:util";
import { open } from "latchwork";
import { comparisons } from "../js/finding.js";
import { interleave } from "../js/rounds.js";
import { processorTime } from "./processor_time.js";

const PENDING = 10_000;

const { values: options } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const { locks } = globalThis.navigator;
if (!locks) throw new Error(`this Node has no navigator.locks version=${process.version}`);

const space = await open();
const sides = [
  // So many of ours are needed for the clock, so few of theirs for patience.
  unrelated("Latchwork", 5_000, (key, body) => space.withLock(key, body)),
  unrelated("navigator.locks", 20, (key, body) => locks.request(key, body)),
];
const name = "an unrelated key with 10,000 pending";
console.log(`${name}: ${sides.map((side) => side.name).join(", ")} (Node ${process.version})`);
const release = await Promise.all(sides.map((side) => side.crowd()));
const costs = await interleave(sides, { operations: 0, rounds: options.quick ? 5 : 21, clock: processorTime });
comparisons("node", name, sides, costs);
await Promise.all(release.map((end) => end()));
await space.close();

/** `lock` runs a body while it holds a key. */
function unrelated(name, operations, lock) {
  return {
    name,
    operations,
    async run(section, count) {
      await section(async () => {
        for (let number = 0; number < count; number++) await lock("other", async () => {});
      });
    },
    /** Lets many wait for one key; the answer ends that. */
    async crowd() {
      const waiting = [];
      await new Promise((held) => {
        let end;
        const ended = new Promise((resolve) => {
          end = resolve;
        });
        waiting.push(
          lock("busy", () => {
            held(end);
            return ended;
          }),
        );
        this.end = end;
      });
      for (let number = 0; number < PENDING; number++) waiting.push(lock("busy", async () => {}));
      return async () => {
        this.end();
        await Promise.all(waiting);
      };
    },
  };
}
