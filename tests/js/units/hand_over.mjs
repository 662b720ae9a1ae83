// Locks that are handed over to another owner.

import { is, isEmpty, isError, ok, rejects, same, throws } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

async function toInbox(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const [giver, worker] = [space.owner("giver"), space.owner("worker")];
  const guard = await giver.lock(["a", key("user", 1)], { shared: "s" });
  const waiting = space.lock("a");
  const inbox = worker.handedOver[Symbol.asyncIterator]();
  const next = inbox.next();
  const sent = { list: [1, new Date(0), new Uint8Array([1])], map: new Map([["x", 1n]]) };
  same(await guard.handOver(worker, sent), { delivered: true });
  same([guard.held, guard.lost.aborted], [false, false]);
  guard[Symbol.dispose]();
  isError(
    host,
    throws(() => guard.release()),
    "not_held",
  );
  isError(host, await rejects(guard.handOver(worker)), "not_held");
  const { value: got } = await next;
  same([got.keys, got.shared], [["a", key("user", 1)], ["s"]]);
  same([got.token, got.held, got.owner, got.abandoned], [guard.token, true, worker, false]);
  ok(got.payload !== sent && got.payload.list[1] instanceof Date && got.payload.map.get("x") === 1n);
  is(await state(waiting), "pending", "the waiter lost its place");
  same((await space.query()).held[0].owner, { id: worker.id, label: "worker" });
  got.release("a");
  (await waiting).release();
  same(await got.handOver(giver.id), { delivered: true });
  for await (const last of giver.handedOver) {
    is(last.payload, undefined);
    last.release();
    await giver.close();
  }
  const ended = inbox.next();
  is(await state(ended), "pending");
  await worker.close();
  same(await ended, { done: true, value: undefined });
  await isEmpty(space);
  await space.close();
}

async function toRequest(host) {
  const space = await host.latchwork.open();
  const [one, other] = [space.owner(), space.owner()];
  const guard = await one.lock(["a", "b"]);
  const waits = [other.lock("a", { label: "waits" })];
  same(await guard.handOver(other, 5), { delivered: true });
  const got = await waits[0];
  same([got.keys, got.payload, got.label, got.token, got.held], [["a", "b"], 5, "waits", guard.token, true]);
  const back = one.lock("b", { signal: new AbortController().signal });
  is(await state(back), "pending");
  await got.handOver(one.id, "back");
  const again = await back;
  same([again.keys, again.payload, again.held], [["a", "b"], "back", true]);
  again.release();
  await isEmpty(space);
  await space.close();
}

/** A signal that is aborted before the grant is seen: the lock goes on to the next in line. */
async function aborted(host) {
  const space = await host.latchwork.open();
  const [one, other] = [space.owner(), space.owner()];
  const guard = await one.lock("a");
  const stop = new AbortController();
  const waiting = other.lock("a", { signal: stop.signal });
  const next = space.lock("a");
  const handing = guard.handOver(other);
  stop.abort();
  is(await rejects(waiting), stop.signal.reason);
  await handing;
  (await next).release();
  await isEmpty(space);
  await space.close();
}

async function refused(host) {
  const { open } = host.latchwork;
  const space = await open();
  const elsewhere = await open();
  const [one, other] = [space.owner(), space.owner()];
  const guard = await one.lock(["a", "b"]);
  isError(host, await rejects(guard.handOver(one)), "invalid");
  isError(host, await rejects(guard.handOver(elsewhere.owner())), "invalid", { what: "owner" });
  const [life] = one.id.split("-");
  const ids = ["", "nobody", "1", life, `${life}-0`, `${life}-999`, `${life}-01`, `${one.id} `, elsewhere.owner().id];
  for (const wrong of [undefined, null, 5, {}, guard, "\ud800", ...ids]) {
    isError(host, await rejects(guard.handOver(wrong)), "invalid", { what: "owner" });
    ok(guard.held, `a slip has let the lock go: ${String(wrong)}`);
  }
  ok((await rejects(guard.handOver(undefined))).message.includes("an owner or its id"));
  isError(host, await rejects(guard.handOver(other, () => {})), "invalid", { what: "payload" });
  const held = await other.lock("x");
  const more = other.lock(["b", "c"]);
  const error = isError(host, await rejects(guard.handOver(other)), "deadlock");
  ok(error.cycle.length > 0);
  ok(guard.held, "what was refused has moved");
  guard.release();
  (await more).release();
  held.release();
  await isEmpty(space);
  await elsewhere.close();
  await space.close();
}

/** A payload is copied first: whatever that does, this lock is handed over and no other. */
async function payloadThatCalls(host) {
  const space = await host.latchwork.open();
  const [one, other] = [space.owner("one"), space.owner("other")];
  const guard = await one.lock("a");
  const more = [];
  const payload = {
    get number() {
      more.push(one.tryLock("b"));
      return 1;
    },
  };
  same(await guard.handOver(other, payload), { delivered: true });
  same((await space.query()).held.map(({ keys, owner }) => [keys[0], owner.label]).sort(), [
    ["a", "other"],
    ["b", "one"],
  ]);
  const { value: given } = await other.handedOver[Symbol.asyncIterator]().next();
  same([given.keys, given.payload], [["a"], { number: 1 }]);
  // One that gives the lock up meanwhile has nothing to hand over.
  const gives = {
    get number() {
      given.release();
      return 1;
    },
  };
  isError(host, await rejects(given.handOver(one, gives)), "not_held");
  for (const taken of await Promise.all(more)) taken.release();
  await isEmpty(space);
  await space.close();
}

async function toNobody(host) {
  const space = await host.latchwork.open();
  const closed = space.owner();
  await closed.close();
  for (const nobody of [closed, closed.id]) {
    const guard = await space.lock("a");
    const next = space.lock("a");
    same(await guard.handOver(nobody, { big: "payload" }), { delivered: false });
    is(guard.held, false);
    (await next).release();
  }
  const open = space.owner();
  await (await space.lock("a")).handOver(open, 1);
  is(await open.close(), 1, "what nobody took");
  await isEmpty(space);
  await space.close();
}

async function chain(host) {
  const space = await host.latchwork.open();
  const owners = Array.from({ length: 1000 }, () => space.owner());
  let guard = await owners[0].lock("a");
  const { token } = guard;
  const waiting = space.lock("a");
  for (const [at, owner] of owners.slice(1).entries()) {
    await guard.handOver(owner, at);
    const { value } = await owner.handedOver[Symbol.asyncIterator]().next();
    is(value.payload, at);
    guard = value;
  }
  same([guard.token, guard.held, await state(waiting)], [token, true, "pending"]);
  guard.release();
  (await waiting).release();
  await isEmpty(space);
  await space.close();
}

/** Several readers of one inbox share what comes; all end with the owner's space. */
async function readers(host) {
  const space = await host.latchwork.open();
  const owner = space.owner();
  const [one, other] = [owner.handedOver[Symbol.asyncIterator](), owner.handedOver[Symbol.asyncIterator]()];
  const waits = [one.next(), other.next()];
  for (const key of ["a", "b"]) await (await space.lock(key)).handOver(owner, key);
  const payloads = (await Promise.all(waits)).map(({ value }) => value.payload).sort();
  same(payloads, ["a", "b"]);
  const ends = [one.next(), other.next()];
  await quiet();
  await space.close();
  for (const end of ends) same(await end, { done: true, value: undefined });
}

export const tests = [
  { name: "a lock goes to the inbox of its new owner", run: toInbox },
  { name: "a lock resolves a request of its new owner", run: toRequest },
  { name: "a lock whose new owner gives up goes on", run: aborted },
  { name: "what cannot be handed over stays", run: refused },
  { name: "a payload that makes calls while it is copied", run: payloadThatCalls },
  { name: "to nobody it is released", run: toNobody },
  { name: "a chain of 1,000", run: chain },
  { name: "readers of one inbox", run: readers },
];
