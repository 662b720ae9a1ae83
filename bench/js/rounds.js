// Rounds: every side in turn, again and again, so that what disturbs the machine disturbs all sides.

/** Rounds that are run first and not counted, while the engine compiles. */
const WARM_UP = 3;

/**
 * What each side cost in each round: `costs[side][round]`, in nanoseconds per operation. Each round begins with another
 * side.
 *
 * A side is `{ name, operations?, run(section, operations) }`: it does its job `operations` times inside
 * `await section(work)`, and what it does outside is not counted.
 *
 * @param {{ name: string, operations?: number, run: Function }[]} sides
 * @param {{ operations: number, rounds: number, clock: () => number }} settings the clock tells nanoseconds
 * @returns {Promise<number[][]>}
 */
export async function interleave(sides, { operations, rounds, clock }) {
  const costs = sides.map(() => []);
  for (let round = -WARM_UP; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const side = (round + WARM_UP + turn) % sides.length;
      const count = sides[side].operations ?? operations;
      let counted = 0;
      await sides[side].run(async (work) => {
        const start = clock();
        await work();
        counted += clock() - start;
      }, count);
      if (round >= 0) costs[side].push(counted / count);
    }
  }
  return costs;
}
