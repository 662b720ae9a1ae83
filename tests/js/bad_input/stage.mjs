// The space on which wrong calls are made, and how it is looked at before and after them.

import { fail, show } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

/** So often it is looked whether a call has ended, before it is said to hang. */
const LOOKS = 200;

let stages = 0;

/** A space that is held and waited for, so that whatever a call changes can be seen. */
export class Stage {
  static async open({ latchwork, testing, webLocks }) {
    const stage = new Stage();
    const clock = testing.manualClock();
    const space = await latchwork.open(undefined, { clock });
    const held = await space.lock("held", { label: "holder" });
    const waiting = space.lock(["held", "behind"], { label: "waiter", timeout: Number.POSITIVE_INFINITY });
    const other = await space.lock("other");
    const named = `memory:bad input ${stages++}`;
    const opened = await latchwork.open(named, { clock: testing.manualClock() });
    const elsewhere = await opened.lock("k");
    const gone = await space.lock("gone");
    gone.release();
    await space.set("kept", 1);
    const entry = await space.get("kept");
    const first = async (watch) => {
      const { value } = await watch.next();
      await watch.return();
      return value;
    };
    stage.runs = 0;
    const noted = () => {
      stage.runs++;
      return 1;
    };
    const deep = (depth) => {
      let tuple = latchwork.key();
      for (let at = 1; at < depth; at++) tuple = latchwork.key(tuple);
      return tuple;
    };
    // Does something with a guard of its own that holds these keys, where they are some; or with another than the usual guard.
    const holding = async (guard, keys, use) => {
      if (guard !== other) return use(guard);
      const own = await space.lock(keys).catch(() => space.lock([]));
      try {
        return await use(own);
      } finally {
        own[Symbol.dispose]();
      }
    };
    stage.latchwork = latchwork;
    stage.kept = { held, waiting, opened };
    const guard = other;
    const owner = space.owner("owner");
    const stranger = opened.owner("stranger");
    stage.words = {
      latchwork,
      testing,
      webLocks,
      locks: webLocks.lockManager(space),
      key: latchwork.key,
      clock,
      space,
      other,
      guard,
      owner,
      stranger,
      holding,
      elsewhere,
      gone,
      entry,
      first,
      named,
      noted,
      deep,
    };
    return stage;
  }

  /** The value of an expression, with what is given by name. */
  evaluate(text, given = {}) {
    const words = { ...this.words, ...given };
    return new Function(...Object.keys(words), `"use strict"; return (${text});`)(...Object.values(words));
  }

  /** Makes a call, and answers how it ended: `{ value }` or `{ error }`. Fails where it does not end. */
  async call(text, given) {
    const ended = (async () => this.evaluate(text, given))().then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    // A page may load what a call needs in files of its own, turn after turn.
    for (let looks = LOOKS; (await state(ended)) === "pending"; looks -= 1) if (looks === 0) fail("it hangs");
    return ended;
  }

  /** All that a refused call must leave as it was. */
  async seen() {
    const { space, clock } = this.words;
    const { held, pending } = await space.query();
    const ageless = ({ age, ...rest }) => rest;
    const cells = (await space.list({})).map(({ key, version, expiresIn }) => [key, version, expiresIn]);
    return show({ held: held.map(ageless), pending: pending.map(ageless), cells, now: clock.now, runs: this.runs });
  }

  /** The space still does what it is for. */
  async works() {
    const { space } = this.words;
    const guard = await space.tryLock(["works", "still"], { label: "after" });
    if (guard === null || !guard.held) fail("a free lock cannot be taken any more");
    guard.release();
    if ((await space.tryLock("held")) !== null) fail("the held lock can be taken");
  }

  /** Gives back what an accepted call answered. */
  async giveBack(value) {
    if (typeof value?.release === "function") value[Symbol.dispose]();
    if (typeof value?.close === "function") await value.close();
    await quiet();
  }

  /** The objects that a call can be made on although it should not: by their names in the table. */
  async receiver(name) {
    const { latchwork } = this;
    const gone = await latchwork.open();
    const guard = await gone.lock("k");
    switch (name) {
      case "closed space":
        await gone.close();
        return { space: gone };
      case "no space":
        await gone.close();
        return { space: Object.create(Object.getPrototypeOf(gone)) };
      case "released guard":
        guard.release();
        await gone.close();
        return { guard: await released(this.words.space) };
      case "guard of a closed space":
        await gone.close();
        return { guard };
      case "lost guard": {
        await gone.close();
        const { space } = this.words;
        const lost = await space.lock("lost");
        await space.revoke("lost");
        return { guard: lost };
      }
      case "guard that was handed over": {
        await gone.close();
        const { space } = this.words;
        const given = await space.lock("given");
        const owner = space.owner();
        await given.handOver(owner);
        await owner.close();
        return { guard: given };
      }
      case "no guard":
        await gone.close();
        return { guard: Object.create(Object.getPrototypeOf(guard)) };
      case "closed owner": {
        await gone.close();
        const owner = this.words.space.owner();
        await owner.close();
        return { owner };
      }
      case "owner of a closed space": {
        const owner = gone.owner();
        await gone.close();
        return { owner };
      }
      case "no owner": {
        const owner = gone.owner();
        await gone.close();
        return { owner: Object.create(Object.getPrototypeOf(owner)) };
      }
      default:
        return fail(`no such receiver: ${name}`);
    }
  }

  async close() {
    const { held, waiting, opened } = this.kept;
    held.release();
    (await waiting).release();
    this.words.other.release();
    await opened.close();
    await this.words.space.close();
  }
}

async function released(space) {
  const guard = await space.lock("released");
  guard.release();
  return guard;
}
