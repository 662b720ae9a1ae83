import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { open } from "latchwork";
import { CASES, sessionCases } from "../js/session-cases.js";
import { Refused, withLatchwork, withoutLatchwork } from "../js/sessions.js";
import { serveSessions } from "../node/client.js";
import { Store } from "../node/store.js";

let folder;
let store;
let space;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "latchwork-demo-test-"));
  store = new Store(folder);
  space = await open();
});

after(async () => {
  await space.close();
  await rm(folder, { recursive: true });
});

test("each case shows what is lost without Latchwork, and nothing with it", async () => {
  const lines = [];
  await sessionCases({ host: "node", store, space, serve: serveSessions, say: (line) => lines.push(line) });
  const outcomes = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  assert.deepEqual(
    outcomes.map((outcome) => outcome.case),
    CASES.map(({ name }) => name),
  );
  for (const { case: name, lost_without, lost_with, stuck_without, stuck_with } of outcomes) {
    assert.ok(lost_without > 0, `${name}: nothing was lost without Latchwork`);
    assert.deepEqual([name, lost_with, stuck_without, stuck_with], [name, 0, 0, 0]);
  }
});

for (const [way, handlers] of [
  ["without", () => withoutLatchwork(store)],
  ["with", () => withLatchwork(space)],
]) {
  test(`requests one after the other come true ${way} Latchwork`, async (t) => {
    const service = await serveSessions(handlers());
    t.after(() => service.close());
    assert.deepEqual(await service.signUp("ada", "first"), { created: true });
    assert.deepEqual(await service.signUp("ada", "second"), { created: false });
    await assert.rejects(service.logIn("ada", "second"), Refused);
    await assert.rejects(service.logIn("nobody", "first"), Refused);
    await service.signUp("bob", "first");
    const { session: other } = await service.logIn("bob", "first");
    const { session: one } = await service.logIn("ada", "first");
    const { session: two } = await service.logIn("ada", "first");
    const { sessions } = await service.sessions("ada");
    assert.deepEqual(new Set(sessions), new Set([one, two]));
    assert.deepEqual(new Set((await service.logOutEverywhere("ada")).ended), new Set([one, two]));
    assert.deepEqual(await service.logOutEverywhere("ada"), { ended: [] });
    assert.deepEqual(await service.sessions("ada"), { sessions: [] });
    assert.deepEqual(await service.sessions("bob"), { sessions: [other] });
  });
}
