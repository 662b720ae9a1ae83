// `update`: what it answers, what its function may do, and how it ends (clauses C5, C8, C12, C14, C15, L18).

import { is, isError, ok, rejects, same } from "../check.mjs";
import { barrier, deferred, quiet, state, turn } from "../turn.mjs";

async function answers(host) {
  const { open, KEEP, DELETE } = host.latchwork;
  const space = await open();
  const first = await space.update("k", (value, entry) => {
    same([value, entry], [undefined, { key: "k", value: undefined, version: 0 }]);
    return { n: 1 };
  });
  same(first, { value: { n: 1 }, version: (await space.get("k")).version, attempts: 1, changed: true });
  const second = await space.update("k", async (value, entry) => {
    same(entry, { key: "k", value, version: first.version });
    return { n: value.n + 1 };
  });
  ok(second.version > first.version, "a new version");
  same(second.value, { n: 2 });
  const kept = await space.update("k", () => KEEP);
  same(kept, { value: { n: 2 }, version: second.version, attempts: 1, changed: false });
  const gone = await space.update("k", () => DELETE);
  ok(gone.version > second.version, "a delete has a version too");
  same(gone, { value: undefined, version: gone.version, attempts: 1, changed: true });
  same(await space.update("k", () => KEEP), { value: undefined, version: 0, attempts: 1, changed: false });
  is((await space.update("k", () => null)).value, null);
  is((await space.update("k", () => 0)).value, 0);
  await space.close();
}

async function forgottenReturn(host) {
  const space = await host.latchwork.open();
  await space.set("k", 1);
  for (const forgets of [() => {}, async () => {}]) {
    isError(host, await rejects(space.update("k", forgets)), "invalid", { what: "value" });
  }
  isError(host, await rejects(space.update("k", () => () => 1)), "invalid");
  is((await space.get("k")).value, 1);
  await space.close();
}

/** A function that waits for nothing runs within the call, and once (C5). */
async function atOnce(host) {
  const space = await host.latchwork.open();
  await space.set("k", 1);
  let ran = false;
  const updated = space.update("k", (value) => {
    ran = true;
    return value + 1;
  });
  is(ran, true);
  is((await updated).value, 2);
  const all = await Promise.all(Array.from({ length: 50 }, () => space.update("k", (value) => value + 1)));
  ok(
    all.every(({ attempts }) => attempts === 1),
    "one ran again",
  );
  is((await space.get("k")).value, 52);
  await space.close();
}

/** What a function is given is its own (C15): it may edit it, in every run, and what it answers is not the cell. */
async function ownValues(host) {
  const { open, KEEP } = host.latchwork;
  const space = await open();
  await space.set("k", { list: [1] });
  let runs = 0;
  const { value } = await space.update("k", async (given) => {
    given.list.push(2);
    if (++runs === 1) await space.set("k", { list: [7] });
    return given;
  });
  same([runs, value], [2, { list: [7, 2] }]);
  value.list.push(3);
  same((await space.get("k")).value, { list: [7, 2] });
  const kept = await space.update("k", (given) => {
    given.list.length = 0;
    return KEEP;
  });
  same(kept.value, { list: [7, 2] });
  await space.close();
}

async function ownErrors(host) {
  const space = await host.latchwork.open();
  await space.set("k", 1);
  for (const thrown of [new Error("own"), undefined, "text", null]) {
    const throws = () => {
      throw thrown;
    };
    is(await rejects(space.update("k", throws)), thrown);
    is(await rejects(space.update("k", async () => throws())), thrown);
  }
  // Of a run that is discarded, what it throws is discarded too.
  let runs = 0;
  const { attempts } = await space.update("k", async (value) => {
    if (++runs > 1) return value + 1;
    await space.set("k", 5);
    return value + 1;
  });
  same([attempts, (await space.get("k")).value], [2, 6]);
  await space.close();
}

async function expiry(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const left = async () => (await space.get("k")).expiresIn;
  await space.set("k", 1, { expireIn: 100 });
  clock.advance(40);
  await space.update("k", (value, entry) => {
    is(entry.expiresIn, 60);
    return value + 1;
  });
  is(await left(), 60, "it keeps what the cell had");
  await space.update("k", (value) => value + 1, { expireIn: 500 });
  is(await left(), 500);
  await space.update("k", (value) => value + 1, { expireIn: null });
  is(await left(), undefined);
  await space.update("k", (value) => value + 1, { expireIn: 10 });
  clock.advance(10);
  const renewed = await space.update("k", (value) => (value === undefined ? "new" : "old"));
  same([renewed.value, await left()], ["new", undefined], "expired is absent");
  await space.close();
}

/** What carries no function never waits, and has the function run again, sixteen times in its turn. */
async function losses(host) {
  const space = await host.latchwork.open();
  await space.set("k", 0);
  let runs = 0;
  const update = space.update("k", async (value) => {
    runs++;
    await space.set("k", value + 1);
    return value;
  });
  const error = isError(host, await rejects(update), "conflict");
  is(runs, 19);
  is(error.attempts, 19);
  same((await space.query()).held, []);
  await space.close();
}

/** In its turn a call is shown by queries, and ends by what ends calls. */
async function turns(host) {
  const space = await host.latchwork.open();
  const held = await inTurn(space, { label: "holder" });
  const { held: holds } = await space.query();
  same([holds.length, holds[0].label], [1, "holder"]);
  const next = space.update("k", (value) => value + 100);
  is(await state(next), "pending");
  same((await space.query()).pending.length, 1);
  // Neither a plain write nor a read waits.
  await space.set("other", 1);
  is((await space.get("k")).value, 30);
  held.end();
  same([(await held.update).value, (await next).value], [31, 131]);
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

/** A turn is named by its cell, or by the key that a query shows, also from within a sub-space; no other operation takes it. */
async function namedTurns(host) {
  const { key, open, turnOf } = host.latchwork;
  const root = await open();
  for (const space of [root, root.within(key("tenant", 7)).within("docs")]) {
    for (const how of ["made", "shown", "blocked by"]) {
      const held = await inTurn(space, { label: "holder" });
      const waiting = space.update("k", (value) => value + 1);
      is(await state(waiting), "pending");
      const { held: holds, pending } = await space.query(turnOf("k"));
      const [[hold], [wait]] = [holds, pending];
      same(
        [hold.keys.map(String), hold.shared.map(String)],
        [['("turn of", "k")'], space === root ? ['("turn of",)'] : []],
      );
      same([hold.keys[0].parts, JSON.stringify(turnOf(key("a", 1)))], [["turn of", "k"], '["turn of",["a",1]]']);
      // Its name as a key of the caller is another key.
      same(await space.query(key("turn of", "k")), { held: [], pending: [] });
      is(await space.revoke(key("turn of", "k")), 0);
      for (const call of ["lock", "tryLock", "get", "delete"]) {
        isError(host, await rejects(space[call](hold.keys[0])), "invalid");
      }
      const name = { made: turnOf("k"), shown: hold.keys[0], "blocked by": wait.blockedBy[0].key }[how];
      is(await space.revoke(name), 1);
      isError(host, await rejects(held.update), "fenced");
      is((await waiting).value, 31);
      held.end();
    }
  }
  same(await root.query(turnOf()), { held: [], pending: [] });
  is(await root.revoke(turnOf()), 0);
  isError(host, await rejects(root.within("docs").revoke(turnOf())), "invalid");
  await root.close();
}

/** Where somebody asks before a call has heard that its turn is lost, that is the next one's at once: in its first run. */
async function turnOfAFirstRun(host) {
  const { open, turnOf } = host.latchwork;
  const space = await open();
  const guard = await space.lock("guard");
  const held = await inTurn(space, { guard });
  let next;
  // Told before the call is.
  guard.lost.addEventListener("abort", () => {
    next = space.update("k", () => new Promise(() => {}));
    next.catch(() => {});
  });
  is(await space.revoke("guard"), 1);
  isError(host, await rejects(held.update), "fenced");
  is(await space.revoke(turnOf("k")), 1);
  is(await state(next), "rejected");
  isError(host, await rejects(next), "fenced");
  same(await space.query(), { held: [], pending: [] });
  held.end();
  await space.close();
}

/** An update that is inside its turn: `end` lets its function answer. */
async function inTurn(space, options) {
  await space.set("k", 0);
  const [entered, waits] = [deferred(), deferred()];
  let runs = 0;
  const update = space.update(
    "k",
    async (value) => {
      if (++runs <= 3) {
        await space.set("k", value + 10);
        return value;
      }
      entered.resolve();
      await waits.promise;
      return value + 1;
    },
    options,
  );
  update.catch(() => {});
  await entered.promise;
  return { update, end: waits.resolve, fail: waits.reject };
}

async function timeouts(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const held = await inTurn(space, { timeout: 100 });
  const waiting = space.update("k", (value) => value + 1, { timeout: 50, label: "waits" });
  is(await state(waiting), "pending");
  clock.advance(50);
  const error = isError(host, await rejects(waiting), "timeout", { label: "waits" });
  ok(/turn of "k"/.test(error.message), error.message);
  is(await state(held.update), "pending");
  // While its function runs too: the call is over at once, and its turn is free (C8).
  clock.advance(50);
  isError(host, await rejects(held.update), "timeout");
  same((await space.query()).held, []);
  is((await space.update("k", (value) => value + 1)).value, 31);
  held.end();
  await quiet();
  is((await space.get("k")).value, 31, "what the function answered too late");
  // One that does not wait at all has no time to lose.
  is((await space.update("k", (value) => value + 1, { timeout: 0 })).value, 32);
  await space.close();
}

async function signals(host) {
  const space = await host.latchwork.open();
  const reason = new Error("enough");
  let ran = false;
  const never = () => {
    ran = true;
    return 1;
  };
  is(await rejects(space.update("k", never, { signal: AbortSignal.abort(reason) })), reason);
  is(ran, false);

  const stop = new AbortController();
  const held = await inTurn(space, { signal: stop.signal });
  const [leave, stay] = [new AbortController(), new AbortController()];
  const leaving = space.update("k", never, { signal: leave.signal });
  const staying = space.update("k", (value) => value + 1, { signal: stay.signal });
  is(await state(leaving), "pending");
  leave.abort(reason);
  is(await rejects(leaving), reason);
  is(ran, false);
  stop.abort(reason);
  is(await rejects(held.update), reason);
  is((await staying).value, 31);
  held.fail(new Error("nobody hears of it"));
  await quiet();

  // Within the function itself.
  const own = new AbortController();
  const aborts = (value) => {
    own.abort(reason);
    return value + 1;
  };
  is(await rejects(space.update("k", aborts, { signal: own.signal })), reason);
  is((await space.get("k")).value, 31);
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

/** What ends a call, and how. */
const ENDS = {
  async signal() {
    const stop = new AbortController();
    return [{ signal: stop.signal }, () => stop.abort({ code: "own" }), "own"];
  },
  async guard(space) {
    return [{ guard: await space.lock("lost") }, () => space.revoke("lost"), "fenced"];
  },
  async owner(space) {
    const owner = space.owner();
    return [{ owner }, () => owner.close(), "cancelled"];
  },
  async closing(space) {
    return [{ guard: await space.lock("kept") }, () => space.close(), "closed"];
  },
};

/** What ends a call can come in the part of its function that runs within the call (C8, C14). */
async function endsAtOnce(host) {
  for (const [what, prepare] of Object.entries(ENDS)) {
    for (const late of [false, true]) {
      for (const how of ["update", "transact"]) {
        const space = await host.latchwork.open();
        const [options, end, code] = await prepare(space);
        const never = async () => {
          if (late) await null;
          end();
          await new Promise(() => {});
        };
        const call = how === "update" ? space.update("k", never, options) : space.transact(never, options);
        call.catch(() => {});
        is(await state(call), "rejected", `${how}, ${what}, ${late ? "later" : "at once"}`);
        is((await rejects(call)).code, code);
        await space.close();
      }
    }
  }
}

async function guards(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock(["a", "b"]);
  is((await space.update("k", () => 1, { guard })).value, 1);
  guard.release("b");
  is((await space.update("k", () => 2, { guard })).value, 2);
  isError(host, await rejects(space.update("k", () => 3, { guard, guardKeys: ["a", "b"] })), "fenced");
  is((await space.update("k", () => 3, { guard, guardKeys: "a" })).value, 3);
  // Lost while the function runs: that ends the call at once.
  const [begun, ends] = [deferred(), deferred()];
  const losing = space.update(
    "k",
    async () => {
      begun.resolve();
      await ends.promise;
      return 4;
    },
    { guard },
  );
  losing.catch(() => {});
  await begun.promise;
  is(await space.revoke("a"), 1);
  isError(host, await rejects(losing), "fenced", { token: guard.token });
  ends.resolve();
  await quiet();
  is((await space.get("k")).value, 3);
  isError(host, await rejects(space.update("k", () => 5, { guard })), "fenced");
  const other = await host.latchwork.open();
  const stranger = await other.lock("a");
  isError(host, await rejects(space.update("k", () => 5, { guard: stranger })), "invalid", { what: "guard" });
  isError(host, await rejects(space.update("k", () => 5, { guardKeys: "a" })), "invalid", { what: "guardKeys" });
  await other.close();
  await space.close();
}

async function owners(host) {
  const space = await host.latchwork.open();
  const owner = space.owner("line");
  const held = await inTurn(space, { owner });
  const again = space.update("k", (value) => value, { owner });
  isError(host, await rejects(again), "deadlock");
  is(await state(held.update), "pending");
  await owner.close();
  isError(host, await rejects(held.update), "cancelled");
  isError(host, await rejects(space.update("k", () => 1, { owner })), "cancelled");
  const other = await host.latchwork.open();
  isError(host, await rejects(space.update("k", () => 1, { owner: other.owner() })), "invalid", { what: "owner" });
  await other.close();
  await space.close();
}

async function closing(host) {
  const space = await host.latchwork.open();
  const held = await inTurn(space);
  const waiting = space.update("k", (value) => value);
  is(await state(waiting), "pending");
  await space.close();
  isError(host, await rejects(waiting), "closed");
  isError(host, await rejects(held.update), "closed");
  held.end();
  isError(host, await rejects(space.update("k", () => 1)), "closed");
}

/** What a codec refuses ends the call and changes nothing. */
async function codecs(host) {
  const { open } = host.latchwork;
  const own = new TypeError("not this");
  const encode = (value) => {
    if (value === "bad") throw own;
    return new TextEncoder().encode(JSON.stringify(value));
  };
  const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
  const space = await open(undefined, { codec: { encode, decode } });
  await space.set("k", 1);
  is(await rejects(space.update("k", () => "bad")), own);
  is((await space.update("k", (value) => value + 1)).value, 2);
  const plain = await open();
  isError(host, await rejects(plain.update("k", () => ({ a: Symbol("s") }))), "invalid");
  is((await plain.get("k")).version, 0);
  await Promise.all([space.close(), plain.close()]);
}

async function keys(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const bytes = new Uint8Array([1]);
  for (const given of [1n, true, key("a", 1, key(bytes)), bytes]) {
    const shown = [];
    const see = (value = 0, entry) => {
      shown.push(entry.key);
      return value + 1;
    };
    await space.update(given, see);
    is((await space.update(given, see)).value, 2);
    same(shown[1], (await space.get(given)).key);
  }
  isError(host, await rejects(space.update("a".repeat(3000), () => 1)), "invalid", { what: "key" });
  await space.close();
}

/** Each run of a function is in the async context of its caller (L18). */
async function context(host) {
  if (!host.features.has("async-context")) return;
  const { AsyncLocalStorage } = await import("node:async_hooks");
  const store = new AsyncLocalStorage();
  const space = await host.latchwork.open();
  const together = barrier(20);
  const seen = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      store.run(index, async () => {
        const seen = new Set();
        let runs = 0;
        await space.update("k", async (value = 0) => {
          seen.add(store.getStore());
          if (++runs === 1) await together();
          await turn();
          return value + 1;
        });
        return [...seen, store.getStore()];
      }),
    ),
  );
  same(
    seen,
    Array.from({ length: 20 }, (_, index) => [index, index]),
  );
  await space.close();
}

/** In a space that looks for it, a helper belongs to the call whose function it is called from (L12). */
async function ambient(host) {
  if (!host.features.has("async-context")) return;
  const space = await host.latchwork.open(undefined, { ambientOwner: true });
  await space.set("k", 0);
  let runs = 0;
  const update = space.update("k", async (value) => {
    if (++runs <= 3) await space.set("k", value + 1);
    else await space.update("k", (there) => there);
    return value;
  });
  isError(host, await rejects(update), "deadlock");
  const nested = space.update("k", () => space.withLock("a", () => space.lock("a")));
  isError(host, await rejects(nested), "deadlock");
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

async function revoked(host) {
  const space = await host.latchwork.open(undefined, { maxWaiters: 1 });
  const held = await inTurn(space);
  const waits = space.update("k", (value) => value + 1);
  is(await state(waits), "pending");
  isError(host, await rejects(space.update("k", (value) => value)), "busy", { limit: 1 });
  held.end();
  await waits;
  await space.close();
}

export const tests = [
  { name: "value, KEEP and DELETE", run: answers },
  { name: "a forgotten return deletes nothing", run: forgottenReturn },
  { name: "a function that waits for nothing runs at once, and once", run: atOnce },
  { name: "values are the function's own", run: ownValues },
  { name: "its own errors pass through", run: ownErrors },
  { name: "expiry is kept, set and cleared", run: expiry },
  { name: "plain writes do not wait for a turn; sixteen of them end it", run: losses },
  { name: "a turn is shown, and is first come first served", run: turns },
  { name: "a turn is named by its cell, or as queries show it", run: namedTurns },
  { name: "a turn of a first run that is lost", run: turnOfAFirstRun },
  { name: "time-outs, also while the function runs", run: timeouts },
  { name: "signals, also while the function runs", run: signals },
  { name: "ends that come before the first await of its function", run: endsAtOnce },
  { name: "guards", run: guards },
  { name: "owners", run: owners },
  { name: "closing the space", run: closing },
  { name: "what a codec refuses", run: codecs },
  { name: "keys of all kinds", run: keys },
  { name: "the function's async context is its caller's", run: context },
  { name: "an ambient owner", run: ambient },
  { name: "a limit of waiters", run: revoked },
];
