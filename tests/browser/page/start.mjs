// The page's own script: runs the suites here or in a module worker, as the address says.

import { Collector } from "./collector.mjs";
import { runSuites } from "./suites.mjs";

const query = new URLSearchParams(location.search);
const settings = { place: query.get("place"), run: query.get("run"), only: query.get("only") };

if (settings.place === "worker") {
  const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
  worker.onerror = async (event) => {
    event.preventDefault();
    const collector = new Collector(settings.run);
    collector.fail("harness", "the worker's script", new Error(event.message ?? "could not be loaded"));
    await collector.done();
  };
  worker.postMessage(settings);
} else {
  await runSuites(settings);
}
