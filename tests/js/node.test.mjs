// The suite in Node.

import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import * as latchwork from "latchwork";
import * as testing from "latchwork/testing";
import * as webLocks from "latchwork/web-locks";
import { collect } from "./index.mjs";

const host = {
  name: "node",
  latchwork,
  testing,
  webLocks,
  features: new Set([
    "cells",
    "transactions",
    "cancel",
    "turn",
    "handles",
    "signed-timeout",
    "interrupt",
    "async-context",
  ]),
  read: async (path) => JSON.parse(await readFile(new URL(`../${path}`, import.meta.url), "utf8")),
  line: (text) => console.log(text),
};

const suites = new Map();
for (const test of await collect(host)) suites.set(test.suite, [...(suites.get(test.suite) ?? []), test]);
for (const [suite, tests] of suites) {
  describe(suite, () => {
    for (const { name, run } of tests) it(name, run);
  });
}
