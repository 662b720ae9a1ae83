// Runs the suites in a page and in a module worker of each browser, and reports what came back.
//
//     node run.mjs [--browser chromium|firefox] [--only <text>] [--patience <seconds>]

import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROWSER_NAMES, launch } from "./browsers.mjs";
import { Report } from "./report.mjs";
import { startServer } from "./server.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const PAGE = "/tests/browser/page/index.html";
const PLACES = ["page", "worker"];
const LOADING = "loading the page";

const { values: options } = parseArgs({
  options: {
    browser: { type: "string", multiple: true, default: BROWSER_NAMES },
    only: { type: "string", default: "" },
    // How long a page may stay silent before it counts as hung. It is there to end a run that can no longer end by
    // itself, so it is far longer than any test takes.
    patience: { type: "string", default: "180" },
  },
});
for (const name of options.browser) {
  if (!BROWSER_NAMES.includes(name)) {
    console.error(`no such browser: ${name}; there are ${BROWSER_NAMES.join(", ")}`);
    process.exit(2);
  }
}

const report = new Report();
const runs = new Map();
const server = await startServer({ root: ROOT, onReport: (run, events) => runs.get(run)?.(events) });
try {
  for (const name of options.browser) await runBrowser(name);
} finally {
  await server.close();
}
report.printSummary();
process.exitCode = report.failed > 0 || report.passed === 0 ? 1 : 0;

async function runBrowser(name) {
  for (const place of PLACES) {
    let browser;
    try {
      // One for each place, so that a page that hangs cannot hold up the next.
      browser = await launch(name);
    } catch (error) {
      report.fail(`${name}-${place}`, "starting the browser", error);
      continue;
    }
    if (place === PLACES[0]) console.log(`# ${name} ${await browser.version()}`);
    await runPlace(browser, name, place);
    await browser.close().catch(() => {});
  }
  report.printTable(name);
}

/** Loads the page that runs every suite in one place, and waits until it says that it is done, or cannot any more. */
async function runPlace(browser, name, place) {
  const host = `${name}-${place}`;
  const query = new URLSearchParams({ place, run: host, only: options.only });
  const patience = Number(options.patience) * 1000;
  const page = await browser.newPage();
  let current = LOADING;
  let watchdog;

  const failure = await new Promise((resolve) => {
    const hung = () => {
      browser.process()?.kill("SIGKILL");
      resolve(new Error(`hung: silent for ${options.patience} s`));
    };
    const feed = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(hung, patience);
    };
    runs.set(host, (events) => {
      feed();
      for (const event of events) {
        if (event.kind === "begin") current = event.test;
        else if (event.kind === "done") resolve(undefined);
        else report.add(host, event);
      }
    });
    browser.on("disconnected", () => resolve(new Error("the browser went away")));
    page.on("error", resolve);
    page.on("pageerror", (error) => {
      // A script that cannot be loaded never says that it is done.
      if (current === LOADING) resolve(error);
      else report.fail(host, current, error);
    });
    page.on("console", (message) => {
      // Downloads of fresh copies fail where a test ordered it.
      const ordered = message.location().url?.includes("/fresh/");
      if (message.type() === "error" && !ordered) report.note(host, current, message.text());
    });
    feed();
    page.goto(`${server.origin}${PAGE}?${query}`).catch(resolve);
  });
  clearTimeout(watchdog);
  runs.delete(host);
  if (failure) report.fail(host, current, failure);
}
