// S4 one name, S5 a session store without sleeps, S12 versions and ABA, S15 one token refresh: on cells.

import { is, ok, same } from "../check.mjs";
import { barrier } from "../turn.mjs";

const SIGN_UPS = 100;
const ROUNDS = 1000;

async function signUps(space, signUp) {
  const together = barrier(SIGN_UPS);
  const each = Array.from({ length: SIGN_UPS }, async (_, index) => {
    await together();
    return signUp(space, `password ${index}`);
  });
  return Promise.all(each);
}

async function oneName(host, signUp) {
  const space = await host.latchwork.open();
  const answers = await signUps(space, signUp);
  const winners = answers.filter((answer) => answer.ok);
  is(winners.length, 1);
  const entry = await space.get("ada");
  is(entry.value.password, `password ${answers.indexOf(winners[0])}`);
  is(entry.version, winners[0].version);
  for (const answer of answers) if (!answer.ok) same(answer.entry, entry);
  await space.close();
}

const byInsert = (host) => oneName(host, (space, password) => space.insert("ada", { password }));

const underLock = (host) =>
  oneName(host, (space, password) =>
    space.withLock("ada", async (guard) => {
      const entry = await space.get("ada");
      if (entry.version !== 0) return { ok: false, entry };
      return { ok: true, ...(await space.set("ada", { password }, { guard })) };
    }),
  );

async function queryThenWrite(host) {
  const space = await host.latchwork.open();
  const looked = barrier(SIGN_UPS);
  const answers = await signUps(space, async (_, password) => {
    const entry = await space.get("ada");
    await looked();
    if (entry.version !== 0) return { ok: false, entry };
    return { ok: true, ...(await space.set("ada", { password })) };
  });
  ok(answers.filter((answer) => answer.ok).length >= 2, "the fault was not to be seen");
  await space.close();
}

async function sessions(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const listed = async (user) => (await space.list({ prefix: key("session", user) })).map((entry) => entry.value);
  for (let round = 0; round < ROUNDS; round++) {
    await space.set(key("session", 1, "s1"), "s1");
    await space.set(key("session", 1, "s2"), "s2");
    await space.set(key("session", 2, "s3"), "s3");
    same(await listed(1), ["s1", "s2"]);
    is((await space.deleteAll({ prefix: key("session", 1) })).length, 2);
    same(await listed(1), []);
    same(await space.deleteAll({ prefix: key("session", 1) }), []);
    same(await listed(2), ["s3"]);
    await space.set(key("session", 2, "s4"), "s4");
    const kept = key("session", 2, "s4");
    same(await space.deleteAll({ prefix: key("session", 2) }, { except: kept }), [key("session", 2, "s3")]);
    same(await listed(2), ["s4"]);
    await space.delete(kept);
  }
  await space.close();
}

/** A delete that is only queued when it answers. */
async function queuedDelete(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  await space.set(key("session", 1, "s1"), "s1");
  let run;
  const queued = new Promise((resolve) => {
    run = resolve;
  }).then(() => space.deleteAll({ prefix: key("session", 1) }));
  is((await space.list({ prefix: key("session", 1) })).length, 1, "nothing was left over");
  run();
  await queued;
  await space.close();
}

async function versions(host) {
  const space = await host.latchwork.open();
  const stale = [];
  for (const name of ["a", "b", "c"]) {
    await space.set(name, "same");
    stale.push(await space.get(name));
  }
  await space.set("a", "same");
  await space.delete("b");
  await space.insert("b", "same");
  for (const entry of stale.slice(0, 2)) {
    const answer = await space.compareExchange(entry, "mine");
    is(answer.ok, false);
    same(answer.entry, await space.get(entry.key));
    is(answer.entry.value, "same");
  }
  const batch = space.atomic();
  for (const entry of stale) batch.check(entry).set(entry.key, "mine");
  const { ok: applied, conflicts } = await batch.commit();
  is(applied, false);
  same(
    conflicts.map((conflict) => [conflict.key, conflict.expected]),
    stale.slice(0, 2).map((entry) => [entry.key, entry.version]),
  );
  is((await space.get("c")).value, "same");
  await space.close();
}

/** Who compares values sees no change. */
async function comparesValues(host) {
  const space = await host.latchwork.open();
  await space.set("a", "same");
  const seen = await space.get("a");
  await space.delete("a");
  await space.set("a", "same");
  const now = await space.get("a");
  is(now.value, seen.value);
  is((await space.compareExchange(now, "mine")).ok, true, "the fault was not to be seen");
  await space.close();
}

const TASKS = 3;
const REQUESTS = 10;

/** One call of a service that needs a token. `refresh` makes a new one. */
async function useToken(space, refresh) {
  const entry = await space.get("token");
  if (entry.version !== 0) return entry.value;
  return space.withLock("token", async (guard) => {
    const again = await space.get("token");
    if (again.version !== 0) return again.value;
    const token = await refresh();
    await space.set("token", token, { guard, expireIn: 1000 });
    return token;
  });
}

async function refreshed(host, dies, use = useToken) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  await space.set("token", "old", { expireIn: 50 });
  clock.advance(50);
  is((await space.get("token")).version, 0, "absent before any sweep");
  let refreshes = 0;
  let left = dies;
  const refresh = async () => {
    await new Promise((resolve) => queueMicrotask(resolve));
    if (left-- > 0) throw new Error("dies");
    return `new ${++refreshes}`;
  };
  const together = barrier(TASKS * REQUESTS);
  const requests = Array.from({ length: TASKS * REQUESTS }, async () => {
    await together();
    return use(space, refresh).catch(() => use(space, refresh));
  });
  const tokens = await Promise.all(requests);
  await space.close();
  return { refreshes, tokens: new Set(tokens).size };
}

async function oneRefresh(host) {
  same(await refreshed(host, 0), { refreshes: 1, tokens: 1 });
  same(await refreshed(host, 1), { refreshes: 1, tokens: 1 }, "a successor takes over");
}

async function everybodyRefreshes(host) {
  const { refreshes } = await refreshed(host, 0, async (space, refresh) => {
    const entry = await space.get("token");
    if (entry.version !== 0) return entry.value;
    const token = await refresh();
    await space.set("token", token);
    return token;
  });
  ok(refreshes > 1, "the fault was not to be seen");
}

export const oneNameTests = [
  { name: "by insert: one of 100 has the name", run: byInsert },
  { name: "under a lock: one of 100 has the name", run: underLock },
  { name: "control: query, then write: two or more have it", run: queryThenWrite },
];

export const sessionTests = [
  { name: "every read after an answer sees it", run: sessions },
  { name: "control: a queued delete leaves something over", run: queuedDelete },
];

export const versionTests = [
  { name: "every stale compare fails and says what is there", run: versions },
  { name: "control: who compares values sees no change", run: comparesValues },
];

export const refreshTests = [
  { name: "one refresh for 30 requests; a successor takes over", run: oneRefresh },
  { name: "control: everybody refreshes", run: everybodyRefreshes },
];
