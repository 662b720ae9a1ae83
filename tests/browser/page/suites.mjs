// Every suite that runs inside a browser, in order.

import { Collector } from "./collector.mjs";

/** Runs all suites and tells the harness when they are done. */
export async function runSuites({ place, run, only }) {
  const collector = new Collector(run);
  await collector.test("harness", "runs", async () => {});
  await collector.test("harness", "fails", async () => { throw new TypeError("x"); });
  collector.skip("harness", "left out", "because");
  await collector.done();
}
