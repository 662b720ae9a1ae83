const keys = Array.from({ length: 512 }, (_, number) => `user:${number}`);

/** A side of a comparison: one job after the other, with keys in turn. */
export function oneByOne(name, job) {
  return {
    name,
    run: (section, operations) =>
      section(async () => {
        for (let number = 0; number < operations; number++) {
          await job(keys[number % keys.length], keys[(number + 211) % keys.length]);
        }
      }),
  };
}
