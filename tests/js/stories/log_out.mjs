// S6: log out everywhere, against new log-ins. A session is a record and its place in the user's index, always both.

import { is, ok, same } from "../check.mjs";
import { turn } from "../turn.mjs";

const ACTORS = 50;
const BEFORE = 15;
const AFTER = 15;
const MOST = 5;

/** The sessions of one user. */
class Sessions {
  constructor(space, key) {
    this.space = space;
    this.index = key("index", "ada");
    this.prefix = key("session", "ada");
    this.record = (name) => key("session", "ada", name);
    this.most = 0;
  }

  /** Creates one: record and index entry in one transaction. */
  async create(name) {
    await this.#transact(async (tx) => {
      const { value = [] } = await tx.get(this.index);
      await turn();
      await tx.insert(this.record(name), { name });
      await tx.set(this.index, [...value, name]);
    });
  }

  /** Logs out everywhere. */
  async deleteAll() {
    await this.#transact(async (tx) => {
      const all = await tx.list({ prefix: this.prefix });
      await turn();
      for (const { key } of all) await tx.delete(key);
      await tx.delete(this.index);
    });
  }

  /** What the index says and what is there, at one instant. */
  async snapshot() {
    const all = await this.space.list({});
    const names = (entries) => entries.map(({ value }) => value.name).toSorted();
    const [indexed] = all.filter(({ value }) => Array.isArray(value));
    return { indexed: (indexed?.value ?? []).toSorted(), there: names(all.filter((entry) => entry !== indexed)) };
  }

  async #transact(body) {
    const { attempts } = await this.space.transact(body);
    this.most = Math.max(this.most, attempts);
  }
}

async function logOut(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const sessions = new Sessions(space, key);
  const named = (when, count) => Array.from({ length: count }, (_, index) => `${when} ${index}`);
  const agrees = async () => {
    const { indexed, there } = await sessions.snapshot();
    same(indexed, there, "index and records");
    return there;
  };

  await Promise.all(named("before", BEFORE).map((name) => sessions.create(name)));
  is((await agrees()).length, BEFORE);

  let running = true;
  const watching = (async () => {
    for (; running; await turn()) await agrees();
  })();
  const meanwhile = named("meanwhile", ACTORS - BEFORE - AFTER).map((name) => sessions.create(name));
  await sessions.deleteAll();
  const after = named("after", AFTER).map((name) => sessions.create(name));
  await Promise.all([...meanwhile, ...after]);
  running = false;
  await watching;

  const there = await agrees();
  same(
    there.filter((name) => name.startsWith("before")),
    [],
    "created before",
  );
  is(there.filter((name) => name.startsWith("after")).length, AFTER, "created after");
  ok(sessions.most <= MOST, `a body ran ${sessions.most} times`);
  await space.close();
}

/** Record and index in two steps: a snapshot in between sees one of them. */
async function control(host) {
  const { key, open } = host.latchwork;
  const space = await open();
  const sessions = new Sessions(space, key);
  await space.insert(sessions.record("one"), { name: "one" });
  const { indexed, there } = await sessions.snapshot();
  same([indexed, there], [[], ["one"]], "the fault was not to be seen");
  await space.update(sessions.index, (names = []) => [...names, "one"]);
  await space.close();
}

export const tests = [
  { name: "what was created before is gone, what was created after is there, whole at all times", run: logOut },
  { name: "control: in two steps a snapshot sees half", run: control },
];
