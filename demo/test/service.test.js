import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { withoutLatchwork } from "../js/handlers.js";
import { insertCopy } from "../js/questionnaire.js";
import { documentRoutes } from "../node/routes.js";
import { startService } from "../node/service.js";
import { Store } from "../node/store.js";

const questionnaire = JSON.parse(await readFile(new URL("../questionnaire.json", import.meta.url), "utf8"));
let folder;
let store;
let service;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "latchwork-demo-test-"));
  store = new Store(folder);
  await store.save("stay", questionnaire);
  service = await startService(documentRoutes(withoutLatchwork(store)));
});

after(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

async function post(address) {
  const response = await fetch(service.origin + address, { method: "POST" });
  return { status: response.status, body: await response.json() };
}

test("a copy stands behind its page with a name of its own", () => {
  const document = structuredClone(questionnaire);
  insertCopy(document, 0);
  insertCopy(document, 0);
  assert.deepEqual(
    document.pages.map((page) => page.id),
    ["page-1", "page-3", "page-2"],
  );
  assert.deepEqual(document.pages[1].questions, document.pages[0].questions);
});

test("requests one after the other lose nothing", async () => {
  for (const pages of [2, 3]) {
    assert.deepEqual(await post("/documents/stay/pages/0/duplicate"), { status: 200, body: { pages } });
  }
  assert.equal((await store.load("stay")).pages.length, 3);
  assert.deepEqual(await readdir(folder), ["stay.json"]);
});

test("what is not there is not found", async () => {
  for (const address of [
    "/",
    "/documents/stay",
    "/documents/gone/pages/0/duplicate",
    "/documents/stay/pages/99/duplicate",
  ]) {
    const { status, body } = await post(address);
    assert.equal(status, 404, address);
    assert.equal(typeof body.error, "string");
  }
});
