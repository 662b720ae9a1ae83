// `onCommit`: what runs once a transaction is committed (clause C9).

import { is, isError, rejects, same } from "../check.mjs";
import { quiet, turn } from "../turn.mjs";

const values = (entries) => entries.map(({ value }) => value);

async function afterTheCommit(host) {
  const space = await host.latchwork.open();
  const order = [];
  const reported = listenForReports();
  const failure = new Error("of a callback");
  const committed = space.transact(async (tx) => {
    await tx.set("a", 1);
    tx.onCommit(() => order.push("first"));
    tx.onCommit(() => {
      throw failure;
    });
    tx.onCommit(async () => {
      order.push("second");
      throw failure;
    });
    tx.onCommit(() => order.push("third"));
  });
  await committed.then(() => order.push("resolved"));
  same(order, ["first", "second", "third", "resolved"]);
  await quiet();
  same(reported.end(), [failure, failure]);
  // In the order of the commits.
  order.length = 0;
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      space.transact(async (tx) => {
        const { value } = await tx.get("a");
        if (index % 2 === 0) await turn();
        await tx.set("a", value + 1);
        tx.onCommit(() => order.push(value + 1));
      }),
    ),
  );
  same(
    order,
    Array.from({ length: 20 }, (_, index) => index + 2),
  );
  // Not of what only reads: that commits too.
  await space.transact(async (tx) => tx.onCommit(() => order.push("read")));
  is(order.at(-1), "read");
  isError(host, await rejects(space.transact((tx) => tx.onCommit(5))), "invalid", { what: "callback" });
  await space.close();
}

/** What is reported of errors that nobody waits for: to the page, or to the console where there is none. */
function listenForReports() {
  const seen = [];
  const [place, name] = typeof reportError === "function" ? [globalThis, "reportError"] : [console, "error"];
  const usual = place[name];
  place[name] = (reported) => seen.push(reported);
  return {
    end() {
      place[name] = usual;
      return seen;
    },
  };
}

/** Calls whose bodies end in one turn of the loop commit one after the other there, each with its own callbacks. */
async function bodiesThatEndTogether(host) {
  const space = await host.latchwork.open();
  const numbers = Array.from({ length: 50 }, (_, number) => number);
  const ran = [];
  const call = (number) =>
    space.transact(async (tx) => {
      await tx.set(number, number);
      tx.onCommit(() => ran.push(number));
      if (number % 2 === 0) await tx.transact(async (inner) => inner.onCommit(() => ran.push(-1 - number)));
    });
  await Promise.all(numbers.map(call));
  same(
    ran.sort((a, b) => a - b),
    numbers.flatMap((number) => (number % 2 === 0 ? [-1 - number, number] : [number])).sort((a, b) => a - b),
  );
  await space.close();
}

/** What ends with a call, its own owner and what that held, is told by code that makes calls: the callbacks run all the same. */
async function toldAtTheEnd(host) {
  if (!host.features.has("async-context")) return;
  const space = await host.latchwork.open(undefined, { ambientOwner: true });
  const order = [];
  const call = async (tx) => {
    const guard = await space.lock("x");
    guard.lost.addEventListener("abort", () => {
      order.push("lost");
      space.update("log", (count = 0) => count + 1);
    });
    await tx.set("a", 1);
    tx.onCommit(() => order.push("committed"));
  };
  is((await space.transact(call)).attempts, 1);
  same(
    [order, values(await space.getMany(["a", "log"]))],
    [
      ["lost", "committed"],
      [1, 1],
    ],
  );
  await space.close();
}

export const tests = [
  { name: "callbacks after the commit", run: afterTheCommit },
  { name: "of bodies that end together", run: bodiesThatEndTogether },
  { name: "the callbacks run, whatever is told at the end", run: toldAtTheEnd },
];
