// The cases `sign-up`, `log-in` and `log-out`: many requests about one account at the same time.

import { outcome, sendMany } from "./driver.js";
import { Refused, withLatchwork, withoutLatchwork } from "./sessions.js";

const PEOPLE = 20;
const EACH = 10;
const AT_ONCE = 50;

/** Each is run on a service of its own, and counts what was answered and did not come true. */
export const CASES = [
  {
    name: "sign-up",
    about: `${EACH} sign-ups`,
    found: "people have a name that somebody else was given too",
    run: signUps,
  },
  { name: "log-in", about: `${EACH} log-ins`, found: "sessions are gone that nobody ended", run: logIns },
  {
    name: "log-out",
    about: `${EACH - 1} log-ins and a log-out everywhere`,
    found: "sessions are left over",
    run: logOuts,
  },
];

/**
 * Runs the cases, each first without Latchwork, then with it.
 *
 * `serve(handlers)` makes a service of the handlers and answers a client of it: the handlers' names, and `close()`.
 */
export async function sessionCases({ host, store, space, serve, say }) {
  for (const { name, about, found, run } of CASES) {
    say(`${about} for each of ${PEOPLE} names, ${AT_ONCE} requests at once`);
    const runs = [];
    for (const [title, handlers] of [
      ["without Latchwork", withoutLatchwork(store)],
      ["with Latchwork   ", withLatchwork(space)],
    ]) {
      const service = await serve(handlers);
      const ran = await run(service).finally(() => service.close());
      say(`  ${title}: ${ran.lost} ${found}`);
      runs.push(ran);
    }
    const [lost, stuck, perSecond] = ["lost", "stuck", "perSecond"].map((field) => runs.map((ran) => ran[field]));
    say(outcome({ host, name, requests: PEOPLE * EACH, lost, stuck, perSecond }));
  }
}

/** Everybody wants the name; lost are the accounts of those who were told that it is theirs, and cannot log in. */
async function signUps(service) {
  const asked = people("sign-up").flatMap((name) => times((number) => ({ name, password: `secret ${number}` })));
  const { answers, stuck, perSecond } = await send(asked, async ({ name, password }) => {
    const { created } = await service.signUp(name, password);
    return created ? [{ name, password }] : [];
  });
  const told = answers.flat();
  const without = people("sign-up").filter((name) => !told.some((one) => one.name === name));
  if (without.length > 0) throw new Error(`nobody got the names ${without}`);
  const refused = await Promise.all(told.map(({ name, password }) => isRefused(service.logIn(name, password))));
  return { lost: refused.filter(Boolean).length, stuck, perSecond };
}

/** Everybody logs in; lost are the log-ins whose session is not there afterwards. */
async function logIns(service) {
  const names = people("log-in");
  for (const name of names) await service.signUp(name, "secret");
  const asked = names.flatMap((name) => times(() => name));
  const { answers, stuck, perSecond } = await send(
    asked,
    async (name) => (await service.logIn(name, "secret")).session,
  );
  const there = await listed(service, names);
  return { lost: answers.filter((session) => !there.has(session)).length, stuck, perSecond };
}

/** Everybody logs out everywhere, and in again meanwhile; lost are the log-outs of sessions that were there before. */
async function logOuts(service) {
  const names = people("log-out");
  const before = [];
  for (const name of names) {
    await service.signUp(name, "secret");
    for (let number = 0; number < 3; number += 1) before.push((await service.logIn(name, "secret")).session);
  }
  const asked = names.flatMap((name) => times((number) => ({ name, out: number === EACH / 2 })));
  const { stuck, perSecond } = await send(asked, ({ name, out }) =>
    out ? service.logOutEverywhere(name) : service.logIn(name, "secret"),
  );
  const there = await listed(service, names);
  return { lost: before.filter((session) => there.has(session)).length, stuck, perSecond };
}

function people(name) {
  return Array.from({ length: PEOPLE }, (_, number) => `${name}-${number}`);
}

function times(make) {
  return Array.from({ length: EACH }, (_, number) => make(number));
}

/** Sends a request for each of what is asked, in this order. */
function send(asked, request) {
  const left = asked.values();
  return sendMany({ count: asked.length, atOnce: AT_ONCE, send: () => request(left.next().value) });
}

/** All sessions that these people are told that they have. */
async function listed(service, names) {
  const all = await Promise.all(names.map((name) => service.sessions(name)));
  return new Set(all.flatMap(({ sessions }) => sessions));
}

async function isRefused(answer) {
  try {
    await answer;
    return false;
  } catch (error) {
    if (error instanceof Refused) return true;
    throw error;
  }
}
