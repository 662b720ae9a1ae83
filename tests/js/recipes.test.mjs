// The JavaScript of the documents runs, and each recipe wins its race, which a naive form of it loses.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { key, open } from "latchwork";
import { manualClock } from "latchwork/testing";
import { examplesIn, functionsOf, runs } from "./recipes/document.mjs";
import { RACES } from "./recipes/races.mjs";

const RECIPES = examplesIn("core/src/docs/recipes.md");

describe("recipes", () => {
  it("each has its race", () => {
    assert.deepEqual(
      RECIPES.map(({ title }) => title),
      Object.keys(RACES),
    );
  });
  for (const recipe of RECIPES) {
    const { race, naive } = RACES[recipe.title];
    it(recipe.title, () => inWorld(race, (names) => functionsOf(recipe, names)));
    it(`control: ${recipe.title}, without it`, () =>
      assert.rejects(inWorld(race, naive), { code: "ERR_ASSERTION" }, "the fault was not to be seen"));
  }
});

it("the examples of the README run", () => {
  const examples = examplesIn("README.md");
  assert.notEqual(examples.length, 0);
  for (const example of examples) {
    const { said, promised } = runs(example);
    assert.deepEqual(said, promised);
  }
});

async function inWorld(race, make) {
  const clock = manualClock();
  const space = await open(undefined, { clock });
  const world = { space, key, clock };
  try {
    await race((outside) => make({ ...world, ...outside }), world);
    assert.deepEqual(await space.query().then(({ held, pending }) => [held, pending]), [[], []]);
  } finally {
    await space.close();
  }
}
