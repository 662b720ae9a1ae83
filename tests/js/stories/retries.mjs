// S14: how often a body runs, and what it leaves behind.

import { is, isError, ok, rejects, same } from "../check.mjs";
import { quiet, state } from "../turn.mjs";

/** A space with an event that a body registers each time that it runs. */
async function opened(host, options) {
  const space = await host.latchwork.open(undefined, options);
  await space.set("count", 0);
  return { space, events: [], runs: 0 };
}

async function threeConflicts(host) {
  const story = await opened(host);
  const { space, events } = story;
  const done = await space.transact(async (tx) => {
    story.runs++;
    const { value } = await tx.get("count");
    if (story.runs <= 3) await space.set("count", value + 10);
    tx.onCommit(() => events.push(tx.attempt));
    await tx.set("count", value + 1);
  });
  same([story.runs, done.attempts, events], [4, 4, [4]]);
  same(await space.get("count"), { key: "count", value: 31, version: done.version });
  await space.close();
}

async function threeConflictsOfAnUpdate(host) {
  const story = await opened(host);
  const { space } = story;
  const done = await space.update("count", async (value) => {
    if (++story.runs <= 3) await space.set("count", value + 10);
    return value + 1;
  });
  same([story.runs, done], [4, { value: 31, version: (await space.get("count")).version, attempts: 4, changed: true }]);
  await space.close();
}

async function nothingReturned(host) {
  const story = await opened(host);
  const { space, events } = story;
  const done = await space.transact(async (tx) => {
    story.runs++;
    await tx.set("count", 1);
    tx.onCommit(() => events.push("told"));
  });
  same([story.runs, done.attempts, done.value, events], [1, 1, undefined, ["told"]]);
  is((await space.get("count")).value, 1);
  await space.close();
}

async function ownError(host) {
  const story = await opened(host);
  const { space, events } = story;
  const own = new RangeError("its own");
  const thrown = await rejects(
    space.transact(async (tx) => {
      story.runs++;
      await tx.set("count", 1);
      tx.onCommit(() => events.push("told"));
      throw own;
    }),
  );
  is(thrown, own);
  is(await rejects(space.update("count", () => Promise.reject(own))), own);
  same([story.runs, events, (await space.get("count")).value], [1, [], 0]);
  await space.close();
}

async function limit(host) {
  const story = await opened(host);
  const { space, events } = story;
  const spoilt = (tx) => {
    story.runs++;
    return tx.get("count").then(async ({ value }) => {
      tx.onCommit(() => events.push("told"));
      await space.set("count", value + 10);
      await tx.set("count", 1);
    });
  };
  const error = isError(host, await rejects(space.transact(spoilt, { attempts: 2 })), "conflict", { attempts: 2 });
  same([story.runs, events, (await space.get("count")).value], [2, [], 20]);
  const [stale] = error.conflicts;
  is(stale.key, "count");
  ok(stale.expected < stale.version, `${stale.expected} is not older than ${stale.version}`);
  const update = space.update("count", (value) => space.set("count", value + 10).then(() => 1), { attempts: 2 });
  isError(host, await rejects(update), "conflict", { attempts: 2 });
  await space.close();
}

/**
 * A helper that a body calls needs the cell of its caller: it is a call of its own, so the caller runs again, until it has the
 * turn that the helper waits for.
 */
async function helper(story, options) {
  const { space } = story;
  const helped = [];
  const done = await space.update(
    "count",
    async (value) => {
      story.runs++;
      helped.push(await rejected(space.update("count", (there) => there + 10, options)));
      return value + 1;
    },
    { ...options, label: "caller", timeout: undefined },
  );
  is(done.attempts, 4);
  same(helped.slice(0, 3), [undefined, undefined, undefined], "before the turn the helper is served");
  is((await space.get("count")).value, 31);
  return helped[3];
}

const rejected = (promise) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

async function withOwner(host) {
  const story = await opened(host);
  const error = await helper(story, { owner: story.space.owner("request") });
  isError(host, error, "deadlock");
  ok(/turn of "count"/.test(error.message), error.message);
  same(await story.space.query(), { held: [], pending: [] });
  await story.space.close();
}

async function withoutOwner(host) {
  const clock = host.testing.manualClock();
  const story = await opened(host, { clock });
  const helped = helper(story, { timeout: 50 });
  is(await state(helped), "pending");
  const { held, pending } = await story.space.query();
  same([held.length, held[0].label, pending.length], [1, "caller", 1]);
  same(held[0].keys[0].parts, ["turn of", "count"]);
  clock.advance(50);
  await quiet();
  const error = isError(host, await helped, "timeout");
  ok(/turn of "count"/.test(error.message), error.message);
  is(error.blockedBy[0].label, "caller");
  await story.space.close();
}

/** What runs again whenever anybody is faster, without an end. */
async function control(host) {
  const story = await opened(host);
  const { space, events } = story;
  const LIMIT = 100;
  for (; story.runs < LIMIT; story.runs++) {
    const entry = await space.get("count");
    events.push("told");
    // Another one who does the same, and is faster.
    await space.compareExchange(entry, entry.value + 10);
    if ((await space.compareExchange(entry, entry.value + 1)).ok) break;
  }
  is(story.runs, LIMIT, "the fault was not to be seen");
  is(events.length, LIMIT, "the fault was not to be seen");
  await space.close();
}

export const tests = [
  { name: "three forced conflicts: 4 runs, one commit, one event", run: threeConflicts },
  { name: "three forced conflicts of an update: 4 runs, one commit", run: threeConflictsOfAnUpdate },
  { name: "a body that returns nothing: one run, one event", run: nothingReturned },
  { name: "a body with its own error: one run and that very error", run: ownError },
  { name: "a limit of 2: conflict with 2 attempts and no event", run: limit },
  { name: "a helper that needs the cell of its caller, with the owner: deadlock", run: withOwner },
  { name: "a helper that needs the cell of its caller, without: a time-out that names the turn", run: withoutOwner },
  { name: "control: a loop of one's own runs and tells without end", run: control },
];
