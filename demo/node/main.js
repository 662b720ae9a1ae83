// The main job in Node: a questionnaire service on `node:http`, its documents in files, its clients on loopback.
//
//     node demo/node/main.js

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { open } from "latchwork";
import { buyerSellerCase } from "../js/buyer-seller.js";
import { duplicatePageCase } from "../js/duplicate-page.js";
import { sessionCases } from "../js/session-cases.js";
import { tokenCase } from "../js/token-case.js";
import { serveDocuments, serveSessions, serveTokens } from "./client.js";
import { Store } from "./store.js";

const questionnaire = JSON.parse(await readFile(new URL("../questionnaire.json", import.meta.url), "utf8"));
const folder = await mkdtemp(path.join(tmpdir(), "latchwork-demo-"));
const space = await open();
try {
  const setting = { host: "node", questionnaire, store: new Store(folder), space, say: console.log };
  console.log("node:http, one JSON file for each document");
  await duplicatePageCase({ ...setting, serve: serveDocuments });
  await buyerSellerCase(setting);
  await sessionCases({ ...setting, serve: serveSessions });
  await tokenCase({ ...setting, serve: serveTokens });
} finally {
  await space.close();
  await rm(folder, { recursive: true });
}
