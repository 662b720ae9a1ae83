// S13: a bank. Transfers of many at a time, some of which fail half-way, and audits meanwhile; two doctors on call; savepoints.

import { is, isError, ok, rejects, same } from "../check.mjs";
import { barrier, random, turn } from "../turn.mjs";

const ACCOUNTS = 10;
const EACH = 100;
const ACTORS = 20;
const TRANSFERS = 1000;
const AUDITORS = 5;
const MOST = 5;

const FAILED = new Error("the till is jammed");

async function opened(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const account = (number) => key("account", number);
  const all = space.atomic();
  for (let number = 0; number < ACCOUNTS; number++) all.insert(account(number), EACH);
  await all.commit();
  return { space, account, accounts: { prefix: key("account") } };
}

const sum = (entries) => entries.reduce((total, { value }) => total + value, 0);

async function bank(host) {
  const { space, account, accounts } = await opened(host);
  const choose = random(13);
  let most = 0;
  let failed = 0;
  let refused = 0;
  const transact = async (body) => {
    const { value, attempts } = await space.transact(body);
    most = Math.max(most, attempts);
    return value;
  };
  const transfer = async (from, to, amount, fails) => {
    await transact(async (tx) => {
      const { value: there } = await tx.get(account(from));
      if (there < amount) tx.abort("not enough");
      await tx.set(account(from), there - amount);
      await turn();
      if (fails) throw FAILED;
      const { value: other } = await tx.get(account(to));
      await tx.set(account(to), other + amount);
    });
  };
  const actor = async (count) => {
    for (let done = 0; done < count; done++) {
      const from = choose(ACCOUNTS);
      const to = (from + 1 + choose(ACCOUNTS - 1)) % ACCOUNTS;
      const fails = choose(10) === 0;
      await transfer(from, to, 1 + choose(50), fails).catch((error) => {
        if (error === FAILED) failed++;
        else isError(host, error, "aborted", { reason: "not enough" });
        if (error !== FAILED) refused++;
      });
    }
  };
  let working = true;
  const auditor = async () => {
    let audits = 0;
    for (; working; audits++) {
      is(await transact(async (tx) => sum(await tx.list(accounts))), ACCOUNTS * EACH, "an audit");
      await turn();
    }
    ok(audits > 0, "no audit was made");
  };
  const audits = Array.from({ length: AUDITORS }, auditor);
  await Promise.all(Array.from({ length: ACTORS }, () => actor(TRANSFERS / ACTORS)));
  working = false;
  await Promise.all(audits);
  is(sum(await space.list(accounts)), ACCOUNTS * EACH, "the total");
  ok(failed > 0 && refused > 0, `${failed} failed, ${refused} were refused`);
  ok(most <= MOST, `a body ran ${most} times`);
  same(await space.query(), { held: [], pending: [] });
  await space.close();
}

/** Who reads and then writes loses money. */
async function lost(host) {
  const { space, account, accounts } = await opened(host);
  const choose = random(13);
  const transfer = async () => {
    const from = choose(ACCOUNTS);
    const to = (from + 1) % ACCOUNTS;
    const [source, target] = await space.getMany([account(from), account(to)]);
    await turn();
    await space.set(account(from), source.value - 1);
    await space.set(account(to), target.value + 1);
  };
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: ACTORS }, transfer));
  ok(sum(await space.list(accounts)) !== ACCOUNTS * EACH, "nothing was lost");
  await space.close();
}

/** Each may leave while the other stays: what both have read must still be so when either commits. */
async function doctors(host) {
  const space = await host.latchwork.open();
  const names = ["ada", "grace"];
  for (const name of names) await space.set(name, "on call");
  const looked = barrier(2);
  const left = await Promise.all(
    names.map(async (name) => {
      const { value } = await space.transact(async (tx) => {
        const both = await tx.getMany(names);
        if (tx.attempt === 1) await looked();
        if (both.some((entry) => entry.value !== "on call")) return "stays";
        await tx.set(name, "gone");
        return "leaves";
      });
      return value;
    }),
  );
  same(left.toSorted(), ["leaves", "stays"]);
  same((await space.getMany(names)).map(({ value }) => value).toSorted(), ["gone", "on call"]);
  await space.close();
}

async function bothLeave(host) {
  const space = await host.latchwork.open();
  const names = ["ada", "grace"];
  for (const name of names) await space.set(name, "on call");
  const looked = barrier(2);
  await Promise.all(
    names.map(async (name) => {
      const both = await space.getMany(names);
      await looked();
      if (both.every(({ value }) => value === "on call")) await space.set(name, "gone");
    }),
  );
  same(
    (await space.getMany(names)).map(({ value }) => value),
    ["gone", "gone"],
    "the fault was not to be seen",
  );
  await space.close();
}

/** A fee that cannot be paid is undone alone. */
async function savepoints(host) {
  const { space, account, accounts } = await opened(host);
  const called = [];
  const { value } = await space.transact(async (tx) => {
    await tx.set(account(0), 50);
    tx.onCommit(() => called.push("transfer"));
    const fee = tx.transact(async (inner) => {
      await inner.set(account(0), -100);
      await inner.set(account(2), 250);
      inner.onCommit(() => called.push("fee"));
      isError(host, await rejects(tx.get(account(0))), "invalid", { what: "tx" });
      inner.abort("not enough for the fee");
    });
    isError(host, await rejects(fee), "aborted", { reason: "not enough for the fee" });
    await tx.set(account(1), 150);
    return tx.transact(async (inner) => (await inner.get(account(0))).value);
  });
  is(value, 50, "the outer write was undone too");
  same(called, ["transfer"]);
  same(
    (await space.list(accounts, { limit: 3 })).map((entry) => entry.value),
    [50, 150, EACH],
  );
  is(sum(await space.list(accounts)), ACCOUNTS * EACH, "the total");
  await space.close();
}

export const tests = [
  { name: "1,000 transfers and every audit in between keep the total", run: bank },
  { name: "control: who reads and then writes loses money", run: lost },
  { name: "one of two doctors leaves", run: doctors },
  { name: "control: who looks and then writes leaves nobody on call", run: bothLeave },
  { name: "an inner abort undoes its own writes only", run: savepoints },
];
