// Updates and transactions keep a process alive only while another thread, or the clock, can let them go on.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const child = fileURLToPath(new URL("actors/calls_child.mjs", import.meta.url));

// The limit is there to end a process that would never end; none comes near it.
const LIMIT = 60_000;

for (const way of [
  "a function that never answers",
  "a function that never answers, in its turn, and one that waits for it",
  "a retry in a private space",
  "a retry that was aborted",
  "an update that timed out",
  "nothing any more",
]) {
  test(`a process with this ends by itself: ${way}`, async () => {
    const { stdout } = await run(process.execPath, [child, way], { timeout: LIMIT });
    assert.equal(stdout, "left\nended\n");
  });
}

for (const [way, said] of [
  ["a retry that another thread ends", "taken"],
  ["a retry with a deadline in a private space", "timeout"],
  ["a function that never answers, with a deadline", "timeout"],
  ["a function that never answers, with a deadline, in a space that is closed", "closed"],
]) {
  test(`a process stays until it is over, and ends then: ${way}`, async () => {
    const { stdout } = await run(process.execPath, [child, way], { timeout: LIMIT });
    assert.equal(stdout, `left\n${said}\nended\n`);
  });
}

test("a process can exit while calls are under way", async () => {
  const { stdout } = await run(process.execPath, [child, "exit with calls"], { timeout: LIMIT });
  assert.equal(stdout, "ended\n");
});

test("a savepoint is told that its transaction has committed without it", async () => {
  const { stdout } = await run(process.execPath, [child, "a savepoint that nobody waited for"], { timeout: LIMIT });
  assert.equal(stdout, "invalid tx\n0\nleft\nended\n");
});
