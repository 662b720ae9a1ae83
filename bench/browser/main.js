// Measures what a page downloads, and times the cases in a page: `node bench/browser/main.js --browser chromium`.

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launch } from "../../tests/browser/browsers.mjs";
import { startServer } from "../../tests/browser/server.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const { values: options } = parseArgs({
  options: { browser: { type: "string", default: "chromium" }, quick: { type: "boolean", default: false } },
});

const server = await startServer({ root: ROOT, served: ["bench/browser/", "bench/js/", "bindings-wasm/dist/"] });
const browser = await launch(options.browser);
try {
  const version = await browser.version();
  console.log(`a page in ${version}`);
  await runPage(await browser.newPage());
} finally {
  await browser.close().catch(() => {});
  await server.close();
}

/** What the page prints is shown as it comes. */
async function runPage(page) {
  const broken = new Promise((_, reject) => {
    page.on("pageerror", reject);
    page.on("error", reject);
    browser.on("disconnected", () => reject(new Error("the browser went away")));
  });
  page.on("console", (message) => console.log(message.text()));
  const query = new URLSearchParams({ host: options.browser, ...(options.quick && { quick: "yes" }) });
  const done = page
    .goto(`${server.origin}/bench/browser/index.html?${query}`)
    .then(() => page.evaluate(() => globalThis.bench));
  await Promise.race([done, broken]);
}
