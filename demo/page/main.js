// Serves the page on loopback, opens it in a headless browser, and shows what it says.
//
//     node demo/page/main.js [--browser chromium|firefox]

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROWSER_NAMES, launch } from "../../tests/browser/browsers.mjs";
import { startServer } from "../../tests/browser/server.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const { values: options } = parseArgs({
  options: { browser: { type: "string", multiple: true, default: BROWSER_NAMES } },
});

const server = await startServer({ root: ROOT, served: ["demo/", "bindings-wasm/dist/"] });
try {
  for (const name of options.browser) {
    if (!BROWSER_NAMES.includes(name))
      throw new Error(`no such browser: ${name}; there are ${BROWSER_NAMES.join(", ")}`);
    const browser = await launch(name);
    try {
      console.log(`a page in ${await browser.version()}, its documents in IndexedDB`);
      await runPage(await browser.newPage(), name);
    } finally {
      await browser.close();
    }
  }
} finally {
  await server.close();
}

async function runPage(page, name) {
  const broken = new Promise((_, reject) => {
    page.on("pageerror", reject);
    page.on("error", reject);
  });
  page.on("console", (message) => console.log(message.text()));
  const done = page
    .goto(`${server.origin}/demo/page/index.html?host=${name}`)
    .then(() => page.evaluate(() => globalThis.demo));
  await Promise.race([done, broken]);
}
