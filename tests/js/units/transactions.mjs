// `transact`: what a body sees and leaves, and how its call ends (clauses C6 to C12).

import { is, isError, ok, rejects, same, throws } from "../check.mjs";
import { deferred, quiet, state, turn } from "../turn.mjs";

const values = (entries) => entries.map(({ value }) => value);

async function commits(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  await space.set("a", 1);
  const before = await space.get("a");
  const { value, version, attempts } = await space.transact(async (tx) => {
    is(tx.attempt, 1);
    same(await tx.get("a"), before);
    await tx.set("a", 2);
    same(await tx.get("a"), { ...before, value: 2 }, "own writes are read back");
    same(await tx.insert("b", "new"), { ok: true });
    same(await tx.insert("a", 0), { ok: false, entry: { ...before, value: 2 } });
    same(await tx.get("b"), { key: "b", value: "new", version: 0 });
    await tx.set(key("t", 1), "one");
    await tx.delete("a");
    same((await tx.get("a")).value, undefined);
    same(values(await tx.getMany(["b", "a", key("t", 1)])), ["new", undefined, "one"]);
    same(values(await tx.list({})), ["new", "one"]);
    same(values(await tx.list({ prefix: key("t") }, { limit: 5, reverse: true })), ["one"]);
    same(values(await space.getMany(["a", "b"])), [1, undefined], "nobody else sees them");
    return "done";
  });
  same([value, attempts], ["done", 1]);
  same(
    (await space.list({})).map((entry) => [entry.value, entry.version]),
    [
      ["new", version],
      ["one", version],
    ],
  );
  same(await space.transact((tx) => tx.get("b")), {
    value: { key: "b", value: "new", version },
    version: 0,
    attempts: 1,
  });
  same(await space.transact(() => {}), { value: undefined, version: 0, attempts: 1 });
  await space.close();
}

/** What is not waited for is done all the same, in order. */
async function notAwaited(host) {
  const space = await host.latchwork.open();
  await space.transact((tx) => {
    tx.set("a", 1);
    tx.set("a", 2);
    tx.delete("b");
  });
  is((await space.get("a")).value, 2);
  // Where the attempt is over, nobody needs to hear of it.
  let runs = 0;
  await space.transact(async (tx) => {
    const { value } = await tx.get("a");
    if (++runs === 1) {
      await space.set("a", 5);
      tx.get("b");
      tx.set("b", 1);
    }
    await turn();
    await tx.set("a", value + 1);
  });
  same([runs, (await space.get("a")).value], [2, 6]);
  await space.close();
}

/** All that a body reads is of one instant: else it is over at once (C6). */
async function opaque(host) {
  const space = await host.latchwork.open();
  await space.atomic().set("a", 1).set("b", -1).commit();
  let runs = 0;
  const done = await space.transact(async (tx) => {
    runs++;
    const a = await tx.get("a");
    if (runs === 1) await space.atomic().set("a", 5).set("b", -5).commit();
    const b = await rejected(tx.get("b"));
    if (runs === 1) {
      isError(host, b, "conflict");
      isError(host, await rejects(tx.set("c", 1)), "conflict");
      isError(host, await rejects(tx.getMany(["a", "b"])), "conflict");
      isError(
        host,
        throws(() => tx.onCommit(() => {})),
        "conflict",
      );
      // Whatever it does now is discarded.
      throw new Error("never seen");
    }
    is(a.value + b.value, 0);
    await tx.set("c", a.value);
    return "second";
  });
  same([done.value, done.attempts, (await space.get("c")).value], ["second", 2, 5]);
  await space.close();
}

const rejected = (promise) => promise.catch((error) => error);

async function phantoms(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  await space.set(key("n", 1), 1);
  let runs = 0;
  const done = await space.transact(async (tx) => {
    const all = await tx.list({ prefix: key("n") });
    if (++runs === 1) await space.set(key("n", 2), 2);
    await tx.set("count", all.length);
  });
  same([done.attempts, (await space.get("count")).value], [2, 2]);
  await space.close();
}

async function aborts(host) {
  const space = await host.latchwork.open();
  const reason = { any: "thing" };
  const error = await rejects(
    space.transact(async (tx) => {
      await tx.set("a", 1);
      const aborted = throws(() => tx.abort(reason));
      isError(host, aborted, "aborted");
      is(aborted.reason, reason);
      isError(host, await rejects(tx.get("a")), "aborted");
      // Whatever it does next.
      return "ignored";
    }),
  );
  isError(host, error, "aborted");
  is(error.reason, reason);
  is((await space.get("a")).version, 0);
  const plain = await rejects(space.transact((tx) => tx.abort()));
  isError(host, plain, "aborted");
  is(plain.reason, undefined);
  for (const odd of [Symbol("s"), "\ud800", Object.create(null), new Error("why"), "x".repeat(5000)]) {
    is((await rejects(space.transact((tx) => tx.abort(odd)))).reason, odd);
  }
  ok(/no such account/.test((await rejects(space.transact((tx) => tx.abort("no such account")))).message), "message");
  await space.close();
}

async function savepoints(host) {
  const space = await host.latchwork.open();
  const called = [];
  const own = new Error("own");
  await space.transact(async (tx) => {
    await tx.set("a", "outer");
    tx.onCommit(() => called.push("outer"));
    const inner = await tx.transact(async (sp) => {
      is(sp.attempt, 1);
      is((await sp.get("a")).value, "outer");
      await sp.set("b", "kept");
      sp.onCommit(() => called.push("kept"));
      return sp.transact(() => "innermost");
    });
    is(inner, "innermost");
    is(
      await rejects(
        tx.transact(async (sp) => {
          await sp.set("a", "undone");
          await sp.delete("b");
          sp.onCommit(() => called.push("undone"));
          throw own;
        }),
      ),
      own,
    );
    same(values(await tx.getMany(["a", "b"])), ["outer", "kept"]);
    // An abort that its body hides.
    const hidden = tx.transact((sp) => {
      throws(() => sp.abort("hidden"));
      return 1;
    });
    isError(host, await rejects(hidden), "aborted", { reason: "hidden" });
    // While one is open the handle around it is of no use.
    let open;
    const opened = tx.transact(
      () =>
        new Promise((resolve) => {
          open = resolve;
        }),
    );
    isError(host, await rejects(tx.get("a")), "invalid", { what: "tx" });
    isError(
      host,
      throws(() => tx.onCommit(() => {})),
      "invalid",
      { what: "tx" },
    );
    open();
    await opened;
    is((await tx.get("a")).value, "outer");
  });
  same(
    [called, values(await space.getMany(["a", "b"]))],
    [
      ["outer", "kept"],
      ["outer", "kept"],
    ],
  );
  await space.close();
}

/** Who is doomed inside a savepoint runs again as a whole. */
async function doomedInside(host) {
  const space = await host.latchwork.open();
  await space.set("a", 1);
  let runs = 0;
  const { attempts } = await space.transact(async (tx) => {
    runs++;
    await tx.get("a");
    const inner = tx.transact(async (sp) => {
      if (runs === 1) await space.set("a", 2);
      await sp.get("b").catch(() => {});
      throw new Error("of the savepoint");
    });
    const error = await rejects(inner);
    is(error.code, runs === 1 ? "conflict" : undefined);
    await tx.set("b", 1).catch(() => {});
  });
  is(attempts, 2);
  await space.close();
}

async function handles(host) {
  const space = await host.latchwork.open();
  let kept;
  let inner;
  await space.transact(async (tx) => {
    kept = tx;
    await tx.transact(async (sp) => {
      inner = sp;
    });
    isError(host, await rejects(inner.get("a")), "invalid", { what: "tx" });
  });
  const calls = [
    () => kept.get("a"),
    () => kept.getMany(["a"]),
    () => kept.set("a", 1),
    () => kept.insert("a", 1),
    () => kept.delete("a"),
    () => kept.list({}),
    () => kept.transact(() => {}),
    async () => kept.onCommit(() => {}),
    async () => kept.retry(),
    async () => kept.abort(),
    () => inner.get("a"),
  ];
  for (const call of calls) isError(host, await rejects(call()), "invalid", { what: "tx" });
  // In another transaction, and in the next run of its own.
  await space.transact(async (tx) => {
    isError(host, await rejects(kept.set("a", 1)), "invalid", { what: "tx" });
    await tx.set("b", 1);
  });
  const all = [];
  await space.transact(async (tx) => {
    all.push(tx);
    await tx.get("b");
    if (all.length === 1) await space.set("b", 2);
    else isError(host, await rejects(all[0].set("b", 3)), "invalid", { what: "tx" });
    await tx.set("c", 1).catch(() => {});
  });
  same([all.length, values(await space.getMany(["a", "b", "c"]))], [2, [undefined, 2, 1]]);
  await space.close();
}

/** Many operations through one handle at a time. */
async function sideBySide(host) {
  const space = await host.latchwork.open();
  const names = Array.from({ length: 100 }, (_, index) => `cell ${index}`);
  await space.transact((tx) => Promise.all(names.map((name, index) => tx.set(name, index))));
  const { value } = await space.transact((tx) => Promise.all(names.map(async (name) => (await tx.get(name)).value)));
  same(value, Array.from(names.keys()));
  await space.close();
}

async function retries(host) {
  const space = await host.latchwork.open();
  let runs = 0;
  const taken = space.transact(async (tx) => {
    runs++;
    const job = await tx.get("job");
    if (job.version === 0) {
      isError(
        host,
        throws(() => tx.retry()),
        "conflict",
      );
      return "ignored";
    }
    await tx.delete("job");
    return job.value;
  });
  is(await state(taken), "pending");
  await space.set("other", 1);
  is(await state(taken), "pending");
  is(runs, 1);
  await space.set("job", "paint");
  same([(await taken).value, runs], ["paint", 2]);
  isError(host, await rejects(space.transact((tx) => tx.retry())), "invalid");
  isError(
    host,
    await rejects(
      space.transact(async (tx) => {
        await tx.set("a", 1);
        tx.retry();
      }),
    ),
    "invalid",
  );
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

async function retryEnds(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  await space.set("lease", 1, { expireIn: 20 });
  const waits = (options, name = "k") =>
    space.transact(async (tx) => {
      const { value } = await tx.get(name);
      if ((value === undefined) !== (name === "lease")) tx.retry();
      return "goes on";
    }, options);
  const stop = new AbortController();
  const [late, aborted, closed, expired] = [
    waits({ timeout: 50 }),
    waits({ signal: stop.signal }),
    waits(),
    waits(undefined, "lease"),
  ];
  for (const each of [late, aborted, closed]) each.catch(() => {});
  is(await state(expired), "pending");
  clock.advance(20);
  is((await expired).value, "goes on", "an expiry is a change");
  clock.advance(30);
  const error = isError(host, await rejects(late), "timeout");
  same(error.keys, ["k"]);
  stop.abort("enough");
  is(await rejects(aborted), "enough");
  is(await state(closed), "pending");
  await space.close();
  isError(host, await rejects(closed), "closed");
}

/** On a time-out or a signal the call is over at once, and so is its handle (C8). */
async function endsWhileItRuns(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const stop = new AbortController();
  for (const [options, end] of [
    [{ timeout: 50 }, () => clock.advance(50)],
    [{ signal: stop.signal }, () => stop.abort(new Error("enough"))],
  ]) {
    const [begun, goes] = [deferred(), deferred()];
    let after;
    const call = space.transact(async (tx) => {
      await tx.set("a", 1);
      tx.onCommit(() => ok(false, "it was committed"));
      begun.resolve();
      await goes.promise;
      after = await rejected(tx.set("a", 2));
      tx.get("a");
    }, options);
    call.catch(() => {});
    await begun.promise;
    end();
    is(await state(call), "rejected");
    if (options.timeout) isError(host, await rejects(call), "timeout");
    else is(await rejects(call), stop.signal.reason);
    goes.resolve();
    await quiet();
    isError(host, after, "invalid", { what: "tx" });
    is((await space.get("a")).version, 0);
  }
  await space.close();
}

async function expiry(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  await space.set("kept", 1, { expireIn: 100 });
  await space.set("blind", 1, { expireIn: 100 });
  await space.set("cleared", 1, { expireIn: 100 });
  await space.transact(async (tx) => {
    is((await tx.get("kept")).expiresIn, 100);
    await tx.get("cleared");
    await tx.set("kept", 2);
    await tx.set("blind", 2);
    await tx.set("cleared", 2, { expireIn: null });
    await tx.set("new", 2, { expireIn: 30 });
    await tx.insert("inserted", 2, { expireIn: 40 });
  });
  same(
    (await space.getMany(["kept", "blind", "cleared", "new", "inserted"])).map(({ expiresIn }) => expiresIn),
    [100, undefined, undefined, 30, 40],
  );
  // What expires while a body runs has changed.
  let runs = 0;
  const done = await space.transact(async (tx) => {
    const { version } = await tx.get("new");
    if (++runs === 1) clock.advance(30);
    await tx.set("seen", version === 0);
  });
  same([done.attempts, (await space.get("seen")).value], [2, true]);
  await space.close();
}

/** Values are as they were at the call, and a reader's own. */
async function ownValues(host) {
  const space = await host.latchwork.open();
  await space.transact(async (tx) => {
    const given = { n: 1 };
    await tx.set("a", given);
    given.n = 9;
    const { value } = await tx.get("a");
    same(value, { n: 1 });
    value.n = 8;
    same((await tx.get("a")).value, { n: 1 });
  });
  same((await space.get("a")).value, { n: 1 });
  isError(host, await rejects(space.transact((tx) => tx.set("a", undefined))), "invalid");
  isError(host, await rejects(space.transact((tx) => tx.set("a", () => {}))), "invalid");
  same((await space.get("a")).value, { n: 1 });
  await space.close();
}

async function guards(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("a");
  await space.transact((tx) => tx.set("k", 1), { guard });
  const losing = space.transact(
    async (tx) => {
      await tx.set("k", 2);
      guard.release();
      await turn();
    },
    { guard },
  );
  isError(host, await rejects(losing), "fenced", { token: guard.token });
  is((await space.get("k")).value, 1);
  await space.close();
}

/** A body that waits behind another one's turn has its deadline; its handle is then of no use. */
async function turns(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  await space.atomic().set("a", 0).set("b", 0).commit();
  const [entered, goes] = [deferred(), deferred()];
  let runs = 0;
  const first = space.transact(
    async (tx) => {
      const [a] = await tx.getMany(["a", "b"]);
      if (++runs <= 3) await space.set("a", a.value + 1);
      else {
        entered.resolve();
        await goes.promise;
      }
      await tx.set("b", runs);
    },
    { label: "first" },
  );
  await entered.promise;
  const second = space.transact(
    async (tx) => {
      await tx.get("a");
      await tx.set("b", "second");
    },
    { timeout: 10 },
  );
  is(await state(second), "pending");
  // What only reads does not wait.
  is((await space.transact((tx) => tx.get("b"))).value.value, 0);
  clock.advance(10);
  const error = isError(host, await rejects(second), "timeout");
  ok(/turn of/.test(error.message), error.message);
  is(error.blockedBy[0].label, "first");
  goes.resolve();
  same([(await first).attempts, (await space.get("b")).value], [4, 4]);
  await space.close();
}

async function ambient(host) {
  if (!host.features.has("async-context")) return;
  const space = await host.latchwork.open(undefined, { ambientOwner: true });
  const nested = space.transact(() => space.withLock("a", () => space.lock("a")));
  isError(host, await rejects(nested), "deadlock");
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

/** A savepoint that nobody waits for need not be heard of where its call is over, or runs again; its own errors are. */
async function savepointsNotAwaited(host) {
  const stop = new AbortController();
  const space = await host.latchwork.open();
  const goes = deferred();
  const call = space.transact(
    async (tx) => {
      tx.transact(async (sp) => {
        await goes.promise;
        await sp.set("a", 1);
      });
      await new Promise(() => {});
    },
    { signal: stop.signal },
  );
  stop.abort("enough");
  is(await rejects(call), "enough");
  goes.resolve();
  await quiet();
  // Its attempt is over.
  let runs = 0;
  await space.transact(async (tx) => {
    await tx.get("b");
    if (++runs > 1) return;
    tx.transact(async (sp) => {
      await space.set("b", 2);
      await sp.get("c");
    });
    await quiet();
  });
  is(runs, 2);
  // One that is waited for is told all the same.
  isError(host, await rejects(space.transact((tx) => tx.transact((sp) => sp.abort("why")))), "aborted");
  const own = new Error("own");
  const told = await space.transact((tx) => tx.transact(() => Promise.reject(own)).catch((error) => error));
  is(told.value, own);
  await space.close();
}

/** Nobody would go on with it. */
async function generators(host) {
  const space = await host.latchwork.open();
  const bodies = [
    function* (tx) {
      yield tx.set("a", 1);
    },
    async function* (tx) {
      yield tx.set("a", 1);
    },
  ];
  for (const body of bodies) {
    isError(host, await rejects(space.transact(body)), "invalid");
    isError(host, await rejects(space.transact((tx) => tx.transact(body))), "invalid");
  }
  is((await space.get("a")).version, 0);
  await space.close();
}

/** As for `await`: what somebody has put on a promise is of no account. */
async function promisesWithThen(host) {
  const space = await host.latchwork.open();
  const thens = [
    () => {},
    () => {
      throw new Error("then");
    },
    (resolve) => {
      resolve("once");
      resolve("twice");
    },
  ];
  for (const then of thens) {
    // biome-ignore lint/suspicious/noThenProperty: what is tested
    const value = () => Object.defineProperty(Promise.resolve("value"), "then", { value: then });
    is((await space.update("a", value)).value, "value");
    is((await space.transact(value)).value, "value");
  }
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

export const tests = [
  { name: "reads, own writes and the commit", run: commits },
  { name: "operations that nobody waits for", run: notAwaited },
  { name: "a stale attempt is over at once, and discarded", run: opaque },
  { name: "a scan sees no phantoms", run: phantoms },
  { name: "abort, with any reason", run: aborts },
  { name: "savepoints", run: savepoints },
  { name: "an attempt that is over inside a savepoint", run: doomedInside },
  { name: "handles of bodies that are over", run: handles },
  { name: "many operations at a time", run: sideBySide },
  { name: "retry waits for a change of what was read", run: retries },
  { name: "a wait for a change ends by expiry, time-out, signal and close", run: retryEnds },
  { name: "a call that ends while its body runs", run: endsWhileItRuns },
  { name: "expiry is kept where it was read, set and cleared", run: expiry },
  { name: "values are the reader's own", run: ownValues },
  { name: "a guard that is released while the body runs", run: guards },
  { name: "turns of several cells", run: turns },
  { name: "an ambient owner", run: ambient },
  { name: "savepoints that nobody waits for", run: savepointsNotAwaited },
  { name: "generators are no bodies", run: generators },
  { name: "promises with a `then` of somebody's own", run: promisesWithThen },
];
