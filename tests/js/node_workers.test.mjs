// The scenarios and stories in Node, each request made by another worker thread than the one before.

import { readFile } from "node:fs/promises";
import { after, describe, it } from "node:test";
import { collect } from "./index.mjs";
import { startActors } from "./node_workers/remote.mjs";
import { settleOthers } from "./turn.mjs";

const ACTORS = 3;

const { latchwork, testing, settle, end } = await startActors(ACTORS);
settleOthers(settle);
after(end);

const host = {
  name: "node-workers",
  freeOrder: true,
  latchwork,
  testing,
  features: new Set(["cells", "transactions", "cancel", "turn", "handles", "signed-timeout", "interrupt"]),
  read: async (path) => JSON.parse(await readFile(new URL(`../${path}`, import.meta.url), "utf8")),
  line: (text) => console.log(text),
};

const suites = new Map();
for (const test of await collect(host)) {
  if (/^(scenarios|S\d+ )/.test(test.suite)) suites.set(test.suite, [...(suites.get(test.suite) ?? []), test]);
}
for (const [suite, tests] of suites) {
  describe(`in worker threads: ${suite}`, () => {
    for (const { name, run } of tests) it(name, run);
  });
}
