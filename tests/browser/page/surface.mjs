// The surface where a page differs from Node, or where the module could: memory that grows, values of other realms.

import { is, isEmpty, isError, ok, rejects, same } from "/tests/js/check.mjs";

/** The tests of the surface. */
export function surface(host) {
  const { open, key } = host.latchwork;
  const tests = {
    async "two spaces do not meet"() {
      const [one, other] = [await open(), await open()];
      const guard = await one.lock("a");
      const second = await other.tryLock("a");
      ok(second, "the lock of the other space");
      ok(one.epoch < other.epoch, "a later space has a larger epoch");
      ok(Number.isSafeInteger(other.epoch), "the epoch is a safe integer");
      for (const held of [guard, second]) held.release();
    },

    async "two handles of a name are one space"() {
      const [one, other] = [await open("memory:surface"), await open("memory:surface")];
      is(one.epoch, other.epoch, "the epoch");
      const guard = await one.lock("a");
      const waiting = other.lock("a");
      same((await one.query()).pending.length, 1, "waits");
      guard.release();
      const next = await waiting;
      ok(next.token > guard.token, "a later grant has a larger token");
      const last = one.lock("a");
      await other.close();
      ok((await last).held, "the grant after the other handle was closed");
      await one.close();
    },

    async "using releases at the end of the block"() {
      const { declared } = await import("./using.mjs");
      const space = await open();
      is(await declared(space), 2, "guards held inside");
      await isEmpty(space);
    },

    async "a body that throws releases and passes its error on"() {
      const space = await open();
      const thrown = new RangeError("own");
      is(await rejects(space.withLock(["a", "b"], () => Promise.reject(thrown))), thrown);
      is(
        await rejects(
          space.withLock("a", () => {
            throw thrown;
          }),
        ),
        thrown,
      );
      await isEmpty(space);
    },

    async "100,000 waiters on one key are settled in one turn"() {
      const space = await open();
      const first = await space.lock("a", { mode: "exclusive" });
      const waiting = Array.from({ length: 100_000 }, () => space.lock("a", { mode: "shared" }));
      first.release();
      const guards = await Promise.all(waiting);
      is(guards.filter((guard) => guard.held).length, 100_000, "guards held");
      for (const guard of guards) guard.release();
      await isEmpty(space);
    },

    async "100,000 waiters follow one another"() {
      const space = await open();
      const first = await space.lock("a");
      let served = 0;
      const waiting = Array.from({ length: 100_000 }, (_, index) =>
        space.withLock("a", () => {
          is(index, served, "the order");
          served += 1;
        }),
      );
      first.release();
      await Promise.all(waiting);
      is(served, 100_000, "waiters served");
      await isEmpty(space);
    },

    async "memory that grows in a call loses nothing"() {
      const space = await open();
      const names = Array.from({ length: 20_000 }, (_, index) => `${index}:${"k".repeat(100)}`);
      const guard = await space.lock(names);
      is(guard.keys.length, names.length, "keys held");
      same(guard.keys.at(-1), names.at(-1), "the last key");
      const { held } = await space.query();
      is(held[0].keys.length, names.length, "keys in the query");
      guard.release();
      await isEmpty(space);
    },

    async "keys of every type come back as they were"() {
      const space = await open();
      const keys = [
        "",
        "ä日😀\u{FFFD}",
        0,
        -1,
        2 ** 53 - 1,
        1 - 2 ** 53,
        2n ** 53n,
        -(2n ** 63n),
        2n ** 64n - 1n,
        true,
        false,
        new Uint8Array([0, 255]),
        key("user", 42, key(), key("x", new Uint8Array([1]), false)),
      ];
      const guard = await space.lock(keys);
      same(guard.keys, keys, "the keys");
      guard.release();
      same((await space.lock([3n, 3])).keys, [3], "a bigint that is safe is a number");
    },

    async "labels may be long, but not without end"() {
      const space = await open();
      const label = "ö".repeat(100_000);
      const guard = await space.lock("a", { label });
      const { held } = await space.query();
      is(held[0].label, label, "the label");
      guard.release();
      isError(host, await rejects(space.lock("a", { label: "x".repeat(2 ** 20 + 1) })), "invalid", { what: "label" });
      isError(host, await rejects(open(`memory:${"x".repeat(2 ** 20)}`)), "invalid", { what: "url" });
      await isEmpty(space);
    },

    async "a key that unfolds without end is refused"() {
      const space = await open();
      let wide = key("x");
      for (let depth = 0; depth < 24; depth++) wide = key(wide, wide);
      isError(host, await rejects(space.lock(wide)), "invalid", { what: "keys" });
      let deep = key("x");
      for (let depth = 0; depth < 100; depth++) deep = key(deep);
      isError(host, await rejects(space.lock(deep)), "invalid", { what: "keys" });
      isError(host, await rejects(space.lock("x".repeat(2 ** 28))), "invalid", { what: "keys" });
      await isEmpty(space);
    },
  };
  return Object.entries(tests).map(([name, run]) => ({ suite: "surface", name, run }));
}
