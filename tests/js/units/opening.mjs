// What spaces are opened with: limits, what is said about them, and owners by the async context.

import { is, isEmpty, isError, ok, rejects, same, throws } from "../check.mjs";
import { state } from "../turn.mjs";

async function limits(host) {
  const { open } = host.latchwork;
  const space = await open(undefined, { maxWaiters: 2, maxWaitersPerKey: 1 });
  const guard = await space.lock(["a", "b"]);
  const waits = [space.lock("a"), space.lock("b")];
  isError(host, await rejects(space.lock("a")), "busy", { limit: 1 });
  const c = await space.lock("c");
  const error = isError(host, await rejects(space.withLock("c", () => "ran")), "busy", { limit: 2 });
  ok(error.message.includes("limit=2"), error.message);
  is(await space.tryLock("a"), null, "a try does not wait");
  guard.release();
  for (const wait of waits) (await wait).release();
  c.release();
  await isEmpty(space);
  await space.close();
  const none = await open(undefined, { maxWaiters: 0, maxWaitersPerKey: Number.POSITIVE_INFINITY });
  const held = await none.lock("a");
  isError(host, await rejects(none.lock("a")), "busy", { limit: 0 });
  held.release();
  await none.close();
}

async function agree(host) {
  const { open } = host.latchwork;
  const name = `memory:limits ${Math.random()}`;
  const space = await open(name, { maxWaiters: 5 });
  isError(host, await rejects(open(name, { maxWaiters: 6 })), "invalid", { what: "maxWaiters" });
  isError(host, await rejects(open(name, { maxWaiters: 5, maxWaitersPerKey: 1 })), "invalid", {
    what: "maxWaitersPerKey",
  });
  await (await open(name, { maxWaiters: 5 })).close();
  await space.close();
}

async function agreeOnOwners(host) {
  const { open } = host.latchwork;
  const name = `memory:owners ${Math.random()}`;
  const differs = { what: "ambientOwner" };
  const space = await open(name);
  await (await open(name, { ambientOwner: false })).close();
  // In a page there is no such option to differ in.
  isError(host, await rejects(open(name, { ambientOwner: true })), "invalid", differs);
  await space.close();
  if (!host.features.has("async-context")) return;
  const other = await open(name, { ambientOwner: true });
  await (await open(name, { ambientOwner: true })).close();
  for (const options of [undefined, {}, { ambientOwner: false }]) {
    isError(host, await rejects(open(name, options)), "invalid", differs);
  }
  await other.close();
}

async function meta(host) {
  const { open } = host.latchwork;
  const name = `memory:meta ${Math.random()}`;
  const said = { version: 3, list: [{ deep: 1n }], bytes: new Uint8Array([1]), when: new Date(0) };
  const [maker, other] = [await open(name, { meta: said }), await open(name, { meta: "other" })];
  said.version = 4;
  for (const { meta } of [maker, other]) {
    same([meta.version, meta.list, meta.bytes, meta.when.getTime()], [3, [{ deep: 1n }], new Uint8Array([1]), 0]);
    ok(throws(() => meta.list.push(1)) instanceof TypeError);
    ok(throws(() => Object.assign(meta.list[0], { deep: 2n })) instanceof TypeError);
  }
  ok(maker.meta.bytes !== other.meta.bytes, "two readers share what can be changed");
  await maker.close();
  is(other.meta.version, 3);
  await other.close();
  const plain = await open();
  is(plain.meta, undefined);
  await plain.close();
  const nothing = await open(undefined, { meta: null });
  is(nothing.meta, null);
  await nothing.close();
  isError(host, await rejects(open(undefined, { meta: () => {} })), "invalid", { what: "meta" });
}

async function ambient(host) {
  const { open } = host.latchwork;
  if (!host.features.has("async-context")) {
    isError(host, await rejects(open(undefined, { ambientOwner: true })), "invalid", { what: "ambientOwner" });
    await (await open(undefined, { ambientOwner: false })).close();
    return;
  }
  const space = await open(undefined, { ambientOwner: true });
  const inner = () => space.withLock("a", () => "ran");
  let goOn;
  const ended = new Promise((resolve) => {
    goOn = resolve;
  });
  let late;
  await space.withLock("a", async (guard) => {
    await undefined;
    isError(host, await rejects(inner()), "deadlock");
    const b = await space.lock("b", { label: "inner" });
    is(b.owner, guard.owner);
    is(await space.tryLock("a"), null);
    const own = space.owner();
    const given = await own.lock("c");
    is(given.owner, own);
    given.release();
    late = ended.then(() => space.withLock("d", (last) => last.owner));
    return b;
  });
  goOn();
  const owner = await late;
  ok(owner !== undefined, "a task that outlives its body has an owner of its own body");
  const [one, other] = [await space.lock("x"), space.lock("x")];
  is(one.owner, undefined, "outside of a body there is no owner");
  is(await state(other), "pending");
  one.release();
  (await other).release();
  await isEmpty(space);
  await space.close();
}

export const tests = [
  { name: "limits of how many wait", run: limits },
  { name: "openings of one name agree on the limits", run: agree },
  { name: "openings of one name agree on owners by the async context", run: agreeOnOwners },
  { name: "what is said about a space", run: meta },
  { name: "owners by the async context, where there is one", run: ambient },
];
