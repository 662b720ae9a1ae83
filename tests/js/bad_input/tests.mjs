// The matrix of bad input as tests: one for each operation, and those that keep the table honest.

import { fail, ok, same } from "../check.mjs";
import { runOperation } from "./matrix.mjs";
import { compareMembers, compareReceivers, membersOf } from "./members.mjs";
import { exemptions, operationsOf, readTable, spelling } from "./table.mjs";

const SUITE = "bad-input matrix";

/** A test for each operation, and one that compares the table with what the package has. */
export async function badInputTests(host) {
  const table = await readTable(host);
  const operations = operationsOf(table);
  const ran = { operations: 0, cases: 0 };
  const tests = operations.map((operation) => ({
    suite: SUITE,
    name: operation.name,
    run: async () => {
      const { count, failures } = await runOperation(host, operation);
      if (failures.length > 0) fail(`${failures.length} of ${count} cases:\n${failures.join("\n")}`);
      ran.operations++;
      ran.cases += count;
    },
  }));
  const more = {
    "every operation is in the table": () => complete(host, table, operations),
    "control: an operation that is not in the table is found": () => notListed(host, table, operations),
    "control: a space that takes anything for a key fails": () => lenient(host, operations),
    "every case ran": () => counted(host, table, operations, ran),
  };
  return [...tests, ...Object.entries(more).map(([name, run]) => ({ suite: SUITE, name, run }))];
}

async function complete(host, table, operations) {
  const found = await membersOf(host);
  ok(found.length > 15, `found only ${found}`);
  same(compareMembers(found, operations, exemptions(table)), { missing: [], stale: [] });
  same(compareReceivers(operations), [], "receivers not named");
}

async function notListed(host, table, operations) {
  const found = [...(await membersOf(host)), "Space.peek"];
  same(compareMembers(found, operations, exemptions(table)).missing, ["Space.peek"]);
  const without = operations.filter(({ name }) => name !== "lock");
  same(compareMembers(found, without, exemptions(table)).missing, ["Space.lock", "Space.peek"]);
}

/** Keys turned into text, as many do it. */
async function lenient(host, operations) {
  const open = async (...given) => {
    const space = await host.latchwork.open(...given);
    return Object.assign(Object.create(space), {
      lock: (keys, options) => space.lock(asText(keys), options),
      tryLock: (keys, options) => space.tryLock(asText(keys), options),
      query: () => space.query(),
      close: () => space.close(),
    });
  };
  const stand = { ...host, latchwork: { ...host.latchwork, open } };
  const operation = operations.find(({ name }) => name === "lock");
  const { failures } = await runOperation(stand, operation);
  const keys = failures.filter((failure) => failure.startsWith("space.lock(keys) with"));
  ok(keys.length >= 20, `only ${keys.length} cases saw it:\n${failures.join("\n")}`);
}

function asText(keys) {
  return Array.isArray(keys) ? keys.flatMap((key) => asText(key)) : String(keys);
}

async function counted(host, table, operations, ran) {
  const all = operations.reduce(
    (sum, { cases, calls, receivers }) => sum + cases.length + calls.length * Object.keys(receivers).length,
    0,
  );
  const unspelled = Object.keys(table.values).filter((value) => spelling(table, value) === undefined).length;
  host.line(
    `bad-input host=${host.name} operations=${ran.operations} cases=${ran.cases} unspelled-values=${unspelled}`,
  );
  same(ran, { operations: operations.length, cases: all });
}
