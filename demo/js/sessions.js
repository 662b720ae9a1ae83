// The handlers of accounts and sessions, without Latchwork and with it. A store has `load(id)`, `find(id)` and `save(id, document)`.
//
// A service would keep a hash of the password, and ask for a session where these ask for a name; neither makes a difference here.

import { key } from "latchwork";

const DAY = 24 * 60 * 60 * 1000;

/** A request that is understood and refused. */
export class Refused extends Error {}

/** Look, change, save: while one request waits for its look or its save, others look at the same document. */
export function withoutLatchwork(store) {
  const sessionsOf = async (name) => (await store.find(`sessions-${name}`)) ?? [];
  return {
    async signUp(name, password) {
      if (await store.find(`account-${name}`)) return { created: false };
      await store.save(`account-${name}`, { password });
      return { created: true };
    },
    async logIn(name, password) {
      demand(await store.find(`account-${name}`), password);
      const session = crypto.randomUUID();
      await store.save(`sessions-${name}`, [...(await sessionsOf(name)), session]);
      return { session };
    },
    async sessions(name) {
      return { sessions: await sessionsOf(name) };
    },
    async logOutEverywhere(name) {
      const ended = await sessionsOf(name);
      await store.save(`sessions-${name}`, []);
      return { ended };
    },
  };
}

/** A cell for each account and for each session: each request is one step on the cells that it is about. */
export function withLatchwork(space) {
  return {
    async signUp(name, password) {
      const { ok } = await space.insert(key("account", name), { password });
      return { created: ok };
    },
    async logIn(name, password) {
      demand((await space.get(key("account", name))).value, password);
      const session = crypto.randomUUID();
      await space.insert(key("session", name, session), { started: Date.now() }, { expireIn: DAY });
      return { session };
    },
    async sessions(name) {
      const entries = await space.list({ prefix: key("session", name) });
      return { sessions: entries.map((entry) => sessionOf(entry.key)) };
    },
    async logOutEverywhere(name) {
      const ended = await space.deleteAll({ prefix: key("session", name) });
      return { ended: ended.map(sessionOf) };
    },
  };
}

function demand(account, password) {
  if (account?.password !== password) throw new Refused("no such account, or another password");
}

function sessionOf({ parts: [, , session] }) {
  return session;
}
