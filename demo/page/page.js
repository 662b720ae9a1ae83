// The main job in a page: the documents are in IndexedDB, the requests come from the page itself.

import { open } from "latchwork-web";
import { buyerSellerCase } from "../js/buyer-seller.js";
import { duplicatePageCase } from "../js/duplicate-page.js";
import { openStore } from "./store.js";

async function run() {
  const host = new URLSearchParams(location.search).get("host");
  const questionnaire = await (await fetch("../questionnaire.json")).json();
  const store = await openStore("latchwork-demo");
  const space = await open();
  try {
    // No service between: a page's handlers are called by its buttons.
    const serve = async (handlers) => ({ ...handlers, close() {} });
    const setting = { host, questionnaire, store, space, serve, say: console.log };
    await duplicatePageCase(setting);
    await buyerSellerCase(setting);
  } finally {
    await space.close();
    await store.destroy();
  }
}

/** The runner waits for it. */
globalThis.demo = run();
