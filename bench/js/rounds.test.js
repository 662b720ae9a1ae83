import assert from "node:assert/strict";
import { test } from "node:test";
import { interleave } from "./rounds.js";

test("sides take turns, and what is outside their sections is not counted", async () => {
  let now = 0;
  let order = "";
  const side = (name, nanoseconds, operations) => ({
    name,
    operations,
    async run(section, count) {
      order += name;
      now += 1000;
      await section(async () => {
        now += nanoseconds * count;
      });
    },
  });
  const sides = [side("a", 10), side("b", 20, 5)];
  const costs = await interleave(sides, { operations: 100, rounds: 2, clock: () => now });
  assert.deepEqual(costs, [
    [10, 10],
    [20, 20],
  ]);
  assert.equal(order, "abbaabbaab");
});
