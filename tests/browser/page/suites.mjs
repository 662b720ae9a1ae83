// Every suite that runs inside a browser, in order: the JavaScript suite that Node runs too, then what only a page shows.

import * as latchwork from "/bindings-wasm/dist/index.js";
import * as testing from "/bindings-wasm/dist/testing.js";
import * as webLocks from "/bindings-wasm/dist/web_locks.js";
import { collect } from "/tests/js/index.mjs";
import { Collector } from "./collector.mjs";
import { entries } from "./entries.mjs";
import { loading } from "./loading.mjs";
import { places } from "./places.mjs";
import { surface } from "./surface.mjs";

/** What scenario files may ask of this host: all but what no JavaScript can do. */
const FEATURES = new Set(["cells", "transactions", "cancel", "turn", "handles", "signed-timeout", "interrupt"]);

/** Runs all suites and tells the harness when they are done. `run` names the browser and the place. */
export async function runSuites({ place, run, only }) {
  const collector = new Collector(run);
  const host = {
    name: run,
    latchwork,
    testing,
    webLocks,
    features: FEATURES,
    read: async (path) => (await fetch(`/tests/${path}`)).json(),
    line: (text) => collector.line(text),
  };
  try {
    const shared = await collect(host);
    await loadAll();
    const own = [...loading(), ...entries(), ...surface(host), ...places(place)];
    for (const { suite, name, run } of [...shared, ...own]) {
      if (`${suite}: ${name}`.includes(only)) await collector.test(suite, name, run);
    }
  } catch (error) {
    collector.fail("harness", "collecting the tests", error);
  }
  await collector.done();
}

/** Has the package fetch what it loads when it is first asked for: scenarios look at what one turn of the loop settles. */
async function loadAll() {
  const space = await latchwork.open();
  const owner = space.owner();
  const next = owner.handedOver[Symbol.asyncIterator]().next();
  await owner.close();
  await next;
  await space.query();
  // From here on spaces have their cells from the beginning.
  await space.get("k");
  await space.close();
}
