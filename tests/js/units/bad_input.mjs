// Wrong arguments: each is refused with a typed error that says what and why, before anything is queued.

import { is, isEmpty, isError, ok, rejects, throws } from "../check.mjs";

const NOT_KEYS = [
  undefined,
  null,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  {},
  [[]],
  [null],
  () => {},
  Symbol("k"),
  new Date(0),
  new Map(),
  new Float64Array(1),
  new ArrayBuffer(1),
  "\ud800",
  "a\udc00b",
  "k".repeat(2048),
  new Uint8Array(2048),
  2n ** 64n,
  -(2n ** 63n) - 1n,
  ["a", "\udfff"],
];

const NOT_OPTIONS = [
  [null, "options"],
  ["fast", "options"],
  [5, "options"],
  [[], "options"],
  [() => {}, "options"],
  [{ timeOut: 5 }, "timeOut"],
  [{ mode: "read" }, "mode"],
  [{ mode: null }, "mode"],
  [{ shared: null }, "shared"],
  [{ shared: ["a", {}] }, "shared[1]"],
  [{ label: 5 }, "label"],
  [{ label: null }, "label"],
];

const NOT_LOCK_OPTIONS = [
  [{ timeout: -1 }, "timeout"],
  [{ timeout: Number.NEGATIVE_INFINITY }, "timeout"],
  [{ timeout: Number.NaN }, "timeout"],
  [{ timeout: "5" }, "timeout"],
  [{ timeout: 5n }, "timeout"],
  [{ timeout: null }, "timeout"],
  [{ signal: null }, "signal"],
  [{ signal: {} }, "signal"],
  [{ signal: new AbortController() }, "signal"],
  [{ signal: "abort" }, "signal"],
];

async function keys(host) {
  const space = await host.latchwork.open();
  for (const key of NOT_KEYS) {
    const calls = [
      () => space.lock(key),
      () => space.lock(key, {}),
      () => space.tryLock(key),
      () => space.withLock(key, () => "ran"),
      () => space.lock("a", { shared: key === undefined ? null : key }),
      () => space.query(key === undefined ? null : key),
    ];
    for (const call of calls) {
      const error = isError(host, await rejects(call(), String(key?.length ?? typeof key)), "invalid");
      ok(error.what && error.why, error.message);
    }
  }
  await isEmpty(space);
  await space.close();
}

async function options(host) {
  const space = await host.latchwork.open();
  for (const [wrong, what] of [...NOT_OPTIONS, ...NOT_LOCK_OPTIONS]) {
    isError(host, await rejects(space.lock("k", wrong)), "invalid", { what });
    isError(host, await rejects(space.withLock("k", wrong, () => "ran")), "invalid", { what });
  }
  for (const [wrong, what] of [
    ...NOT_OPTIONS,
    [{ timeout: 5 }, "timeout"],
    [{ signal: new AbortController().signal }, "signal"],
  ]) {
    isError(host, await rejects(space.tryLock("k", wrong)), "invalid", { what });
  }
  const all = { mode: undefined, shared: undefined, label: undefined, timeout: undefined, signal: undefined };
  (await space.lock("k", all)).release();
  await isEmpty(space);
  await space.close();
}

/** What is undefined is not said. */
async function undefinedOwner(host) {
  const space = await host.latchwork.open();
  const owner = space.owner();
  const guard = await owner.lock("a", { owner: undefined, label: undefined });
  is(guard.owner, owner);
  guard.release();
  isError(host, await rejects(owner.lock("a", { owner })), "invalid", { what: "owner" });
  isError(host, await rejects(space.lock("a", { owner: null })), "invalid", { what: "owner" });
  await space.close();
}

async function bodies(host) {
  const space = await host.latchwork.open();
  for (const body of [undefined, null, "body", {}, 5]) {
    isError(host, await rejects(space.withLock("k", {}, body)), "invalid", { what: "body" });
    if (body !== undefined) isError(host, await rejects(space.withLock("k", body)), "invalid", { what: "body" });
  }
  isError(host, await rejects(space.withLock("k")), "invalid", { what: "body" });
  await isEmpty(space);
  await space.close();
}

async function opening(host) {
  const { open } = host.latchwork;
  for (const url of [null, 5, {}, "", "memory", "memory:", "redis:x", "orders"]) {
    isError(host, await rejects(open(url)), "invalid", { what: "url" });
  }
  isError(host, await rejects(open(undefined, null)), "invalid", { what: "options" });
  isError(host, await rejects(open(undefined, { clok: 1 })), "invalid", { what: "clok" });
  for (const clock of [null, {}, Date])
    isError(host, await rejects(open(undefined, { clock })), "invalid", { what: "clock" });
}

async function clocks(host) {
  const clock = host.testing.manualClock();
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, "5", undefined, null, 5n]) {
    isError(
      host,
      throws(() => clock.advance(wrong)),
      "invalid",
      { what: "milliseconds" },
    );
  }
  is(clock.now, 0);
}

/** A getter that throws is the caller's own error, and nothing is queued. */
async function getters(host) {
  const space = await host.latchwork.open();
  const own = new Error("getter");
  const trap = {
    get timeout() {
      throw own;
    },
  };
  is(await rejects(space.lock("k", trap)), own);
  is(await rejects(space.withLock("k", trap, () => {})), own);
  await isEmpty(space);
  await space.close();
}

export const tests = [
  { name: "keys", run: keys },
  { name: "an owner that is undefined", run: undefinedOwner },
  { name: "options", run: options },
  { name: "bodies", run: bodies },
  { name: "open", run: opening },
  { name: "clocks", run: clocks },
  { name: "getters that throw", run: getters },
];
