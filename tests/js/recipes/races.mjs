// The race of each recipe, and a naive form that loses it.
//
// `race(make, world)` fails where the race is lost. `make(outside)` answers the functions of the recipe, or those of `naive`;
// `outside` is what the recipe calls besides the package. Both see the `world`: a space of its own, its clock, `key`.

import assert from "node:assert/strict";
import { barrier, deferred, turn } from "../turn.mjs";

const times = (count, make) => Array.from({ length: count }, (_, number) => make(number));
const together = (count, run) => Promise.all(times(count, run));

const edit = {
  async race(make, { space }) {
    const { addPage } = make({ render: later });
    const counts = await together(20, (number) => addPage(number));
    assert.deepEqual(
      counts.toSorted(byNumber),
      times(20, (number) => number + 1),
    );
    assert.deepEqual((await space.get("questionnaire")).value.toSorted(byNumber), times(20, Number));
  },
  naive: ({ space, render }) => ({
    async addPage(page) {
      const { value: pages = [] } = await space.get("questionnaire");
      const saved = [...pages, await render(page)];
      await space.set("questionnaire", saved);
      return saved.length;
    },
  }),
};

const signUp = {
  async race(make, { space, key }) {
    const { signUp } = make({});
    const told = await together(50, (number) => signUp("ada", number));
    assert.equal(told.filter(Boolean).length, 1);
    assert.deepEqual((await space.get(key("account", "ada"))).value, { hash: told.indexOf(true) });
  },
  naive: ({ space, key }) => ({
    async signUp(name, hash) {
      if ((await space.get(key("account", name))).version !== 0) return false;
      await space.set(key("account", name), { hash });
      return true;
    },
  }),
};

const logOut = {
  async race(make, { space, key }) {
    let compared = Promise.resolve();
    const { logIn, logOutEverywhere } = make({ compare: () => compared });
    const sessions = async () => (await space.list({ prefix: key("session", "ada") })).length;
    await space.insert(key("account", "ada"), { hash: 1 });
    await together(10, (number) => logIn("ada", "secret", number));
    assert.equal(await sessions(), 10, "log-ins do not stand in each other's way");

    const { promise, resolve } = deferred();
    compared = promise;
    const late = assert.rejects(logIn("ada", "secret", "late"), { code: "aborted" });
    late.catch(() => undefined);
    await turn();
    await logOutEverywhere("ada");
    assert.equal(await sessions(), 0, "all are out");
    resolve();
    await late;
    assert.equal(await sessions(), 0, "and stay out");

    await logIn("ada", "secret", "after");
    assert.equal(await sessions(), 1);
    await logOutEverywhere("nobody");
    assert.equal((await space.get(key("account", "nobody"))).version, 0);
  },
  // It does check the account, which a log-out leaves as it is.
  naive: ({ space, key, compare }) => ({
    async logIn(user, password, session) {
      const checked = await space.get(key("account", user));
      await compare(password, checked.value);
      await space.transact(async (tx) => {
        const account = await tx.get(key("account", user));
        if (account.version !== checked.version) return tx.abort("the account has changed");
        return tx.set(key("session", user, session), {});
      });
    },
    async logOutEverywhere(user) {
      await space.deleteAll({ prefix: key("session", user) });
    },
  }),
};

const sale = {
  async race(make, { space, key }) {
    const { pay, total } = make({});
    const accounts = times(3, (number) => key("account", number));
    for (const account of accounts) await space.set(account, 100);
    let busy = true;
    const audit = (async () => {
      for (; busy; await turn()) assert.equal(await total(), 300, "an audit");
    })();
    const sales = together(60, async (number) => {
      await turn();
      await pay(accounts[number % 3], accounts[(number + 1 + (number % 2)) % 3], 1 + (number % 7));
    });
    await Promise.all([sales.finally(() => (busy = false)), audit]);
    assert.equal(await total(), 300);
    await assert.rejects(pay(accounts[0], accounts[1], 301), { code: "aborted", reason: "not enough" });
    await pay(accounts[0], accounts[0], 1);
    assert.equal(await total(), 300, "to oneself");
  },
  naive: ({ space, key }) => ({
    async pay(buyer, seller, price) {
      const [from, to] = await space.getMany([buyer, seller]);
      await space.set(buyer, from.value - price);
      await turn();
      await space.set(seller, to.value + price);
    },
    async total() {
      const accounts = await space.list({ prefix: key("account") });
      return accounts.reduce((sum, { value }) => sum + value, 0);
    },
  }),
};

const refresh = {
  async race(make, { clock }) {
    let fetched = 0;
    const fetchToken = () => later(`token ${++fetched}`);
    const { token } = make({ fetchToken });
    for (const life of [1, 2]) {
      assert.deepEqual(new Set(await together(50, token)), new Set([`token ${life}`]));
      assert.equal(fetched, life);
      clock.advance(3_600_000);
    }
  },
  // All succeed, and each of them has fetched one.
  naive: ({ space, fetchToken }) => ({
    async token() {
      const { value } = await space.get("token");
      return value ?? (await space.update("token", async (there) => there ?? (await fetchToken()))).value;
    },
  }),
};

const jobs = {
  async race(make, { space, key }) {
    const [WORKERS, JOBS] = [4, 20];
    const { nextJob } = make({});
    const meet = barrier(WORKERS);
    const workers = together(WORKERS, async () => {
      await meet();
      const done = [];
      for (let job = await nextJob(); job !== "stop"; job = await nextJob()) done.push(job);
      return done;
    });
    for (let job = 0; job < JOBS; job++) {
      await space.set(key("job", job), job);
      if (job % 3 === 0) await turn();
    }
    for (let job = 0; job < WORKERS; job++) await space.set(key("job", JOBS + job), "stop");
    assert.deepEqual((await workers).flat().toSorted(byNumber), times(JOBS, Number));
    assert.deepEqual(await space.list({}), []);
  },
  naive: ({ space, key }) => ({
    async nextJob() {
      for (;;) {
        const [job] = await space.list({ prefix: key("job") }, { limit: 1 });
        await turn();
        if (job === undefined) continue;
        await space.delete(job.key);
        return job.value;
      }
    },
  }),
};

const limit = {
  async race(make, { clock }) {
    const { allowed } = make({});
    const ask = async () => (await together(40, () => allowed("ada", 10))).filter(Boolean).length;
    assert.equal(await ask(), 10);
    clock.advance(59_999);
    assert.equal(await ask(), 0, "in the same minute");
    clock.advance(1);
    assert.equal(await ask(), 10, "in the next one");
  },
  // Whoever asks puts off the end of the minute.
  naive: ({ space, key }) => ({
    async allowed(user, most) {
      const counted = await space.update(key("requests", user), (count = 0) => count + 1, { expireIn: 60_000 });
      return counted.value <= most;
    },
  }),
};

const outside = {
  async race(make, { space, key }) {
    const store = new Map([[1, { body: "empty", epoch: 0, token: 0 }]]);
    const load = async (id) => store.get(id).body;
    const save = async ({ id, body, epoch, token }) => {
      const there = store.get(id);
      const newer = there.epoch < epoch || (there.epoch === epoch && there.token <= token);
      if (newer) store.set(id, { body, epoch, token });
      return newer ? 1 : 0;
    };
    const { edit } = make({ load, save });
    const { promise, resolve } = deferred();
    const slow = assert.rejects(
      edit(1, () => promise),
      { message: /the lock was lost/ },
    );
    slow.catch(() => undefined);
    await turn();
    assert.equal(await space.revoke(key("document", 1)), 1);
    await edit(1, async (body) => `${body}, then quick`);
    resolve("slow");
    await slow;
    assert.equal(await load(1), "empty, then quick");
    await together(5, () => edit(1, async (body) => `${body}!`));
    assert.equal(await load(1), "empty, then quick!!!!!");
  },
  // A lock alone.
  naive: ({ space, key, load, save }) => ({
    async edit(id, change) {
      await space.withLock(key("document", id), async () => {
        const body = await change(await load(id));
        await save({ id, body, epoch: Infinity, token: 0 });
      });
    },
  }),
};

/** By the titles of the recipes. */
export const RACES = {
  "Two requests edit one document": edit,
  "Two sign-ups want one name": signUp,
  "Log out everywhere": logOut,
  "A buyer and a seller": sale,
  "One refresh for all who wait": refresh,
  "A queue of jobs": jobs,
  "So many requests a minute": limit,
  "A store outside": outside,
};

async function later(value) {
  await turn();
  return value;
}

function byNumber(left, right) {
  return left - right;
}
