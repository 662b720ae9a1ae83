import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "latchwork";
import { tokenCase } from "../js/token-case.js";
import { Provider, Refused, withLatchwork, withoutLatchwork } from "../js/tokens.js";
import { serveTokens } from "../node/client.js";

test("requests are refused without Latchwork, and none with it", async (t) => {
  const space = await open();
  t.after(() => space.close());
  const lines = [];
  await tokenCase({ host: "node", space, serve: serveTokens, say: (line) => lines.push(line) });
  const { lost_without, lost_with, stuck_without, stuck_with } = JSON.parse(lines.at(-1));
  assert.ok(lost_without > 0, "nothing was lost without Latchwork");
  assert.deepEqual([lost_with, stuck_without, stuck_with], [0, 0, 0]);
});

test("requests one after the other are answered either way, with a token for each twenty", async (t) => {
  const space = await open();
  t.after(() => space.close());
  for (const handlersOf of [withoutLatchwork, withLatchwork]) {
    const provider = new Provider();
    const service = await serveTokens(handlersOf(provider, space));
    t.after(() => service.close());
    for (let request = 0; request < 50; request += 1) assert.deepEqual(await service.report(), { report: "a report" });
    assert.equal(provider.fetched, 3);
  }
});

test("a refresh token is good for one time", async () => {
  const provider = new Provider();
  const { first } = provider;
  await provider.refresh(first);
  await assert.rejects(provider.refresh(first), Refused);
});
