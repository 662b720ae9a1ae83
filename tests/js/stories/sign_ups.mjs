// S4: a hundred sign-ups for one name, by update and by transaction, each of which has found the name free at first.

import { is, ok, same } from "../check.mjs";
import { barrier } from "../turn.mjs";

const SIGN_UPS = 100;

/** Runs them; `signUp(space, password, looked)` answers what `insert` does, and waits once for `looked`. */
async function oneName(host, signUp) {
  const space = await host.latchwork.open();
  const looked = barrier(SIGN_UPS);
  const each = Array.from({ length: SIGN_UPS }, (_, index) =>
    signUp(space, `password ${index}`, looked, host.latchwork),
  );
  const answers = await Promise.all(each);
  const winners = answers.filter((answer) => answer.ok);
  is(winners.length, 1, "winners");
  const entry = await space.get("ada");
  is(entry.value.password, `password ${answers.indexOf(winners[0])}`);
  is(entry.version, winners[0].version);
  for (const answer of answers) if (!answer.ok) same(answer.entry, entry);
  await space.close();
}

async function byUpdate(space, password, looked, { KEEP }) {
  let there;
  let runs = 0;
  const done = await space.update("ada", async (_, entry) => {
    there = entry;
    if (++runs === 1) await looked();
    return entry.version === 0 ? { password } : KEEP;
  });
  ok(done.attempts <= 4, `${done.attempts} runs`);
  return done.changed ? { ok: true, version: done.version } : { ok: false, entry: there };
}

async function byTransaction(space, password, looked) {
  const { value, version, attempts } = await space.transact(async (tx) => {
    const inserted = await tx.insert("ada", { password });
    if (tx.attempt === 1) await looked();
    return inserted;
  });
  ok(attempts <= 5, `${attempts} runs`);
  return value.ok ? { ok: true, version } : value;
}

async function control(space, password, looked) {
  const entry = await space.get("ada");
  await looked();
  if (entry.version !== 0) return { ok: false, entry };
  return { ok: true, ...(await space.set("ada", { password })) };
}

async function twoOrMore(host) {
  const error = await oneName(host, control).catch((failed) => failed);
  ok(/^winners/.test(error?.message), `the fault was not to be seen: ${error}`);
}

export const tests = [
  { name: "by update: one of 100 has the name", run: (host) => oneName(host, byUpdate) },
  { name: "by transaction: one of 100 has the name", run: (host) => oneName(host, byTransaction) },
  { name: "control: query, then write: two or more have it", run: twoOrMore },
];
