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
  let browser;
  try {
    browser = await launch(name);
  } catch (error) {
    report.fail(name, "start", error);
    return;
  }
  try {
    console.log(`# ${name} ${await browser.version()}`);
    for (const place of PLACES) {
      const page = await browser.newPage();
      try {
        await runPlace(browser, page, name, place);
      } catch (error) {
        report.fail(`${name}-${place}`, "harness", error);
      } finally {
        await page.close().catch(() => {});
      }
    }
  } finally {
    report.printTable(name);
    await browser.close().catch((error) => report.fail(name, "close", error));
  }
}

/** Loads the page that runs every suite in one place, and waits until it says that it is done, or cannot any more. */
function runPlace(browser, page, name, place) {
  const host = `${name}-${place}`;
  const query = new URLSearchParams({ place, run: host, only: options.only });
  const patience = Number(options.patience) * 1000;

  return new Promise((resolve) => {
    let current = "loading the page";
    let watchdog;
    const stop = (failure) => {
      clearTimeout(watchdog);
      runs.delete(host);
      browser.off("disconnected", onDisconnected);
      if (failure) report.fail(host, current, failure);
      resolve();
    };
    const feed = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop(new Error(`hung: silent for ${options.patience} s`)), patience);
    };
    const onDisconnected = () => stop(new Error("the browser went away"));

    runs.set(host, (events) => {
      feed();
      for (const event of events) {
        if (event.kind === "begin") current = event.test;
        else if (event.kind === "done") stop();
        else report.add(host, event);
      }
    });
    browser.on("disconnected", onDisconnected);
    page.on("error", (error) => stop(error));
    page.on("pageerror", (error) => report.fail(host, current, error));
    page.on("console", (message) => {
      // Downloads of fresh copies fail where a test ordered it.
      const ordered = message.location().url?.includes("/fresh/");
      if (message.type() === "error" && !ordered) report.note(host, current, message.text());
    });
    feed();
    page.goto(`${server.origin}${PAGE}?${query}`).catch(stop);
  });
}
