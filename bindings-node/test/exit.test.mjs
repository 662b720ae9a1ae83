// A space never keeps a process alive by itself; a wait does where another thread or the clock can end it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const child = fileURLToPath(new URL("actors/child.mjs", import.meta.url));

// The limit is there to end a process that would never end; none comes near it.
const LIMIT = 60_000;

for (const way of [
  "idle private space",
  "idle named space",
  "held lock",
  "settled time-out",
  "aborted wait",
  "closed space",
  "nothing but another thread",
  "wait in a private space",
  "cells that expire",
  "watch between two items",
  "watch that waits in a private space",
  "watch that was left",
  "watch that was aborted",
  "watch of a closed space",
  "lock with an end that nobody waits for",
  "wait after a lock with an end has ended",
]) {
  test(`a process with this ends by itself: ${way}`, async () => {
    const { stdout } = await run(process.execPath, [child, way], { timeout: LIMIT });
    assert.equal(stdout, "left\nended\n");
  });
}

for (const [way, said] of [
  ["wait for another thread", "has it"],
  ["wait for another thread, given up", "gave up"],
  ["watch that waits for another thread", "has it"],
  ["wait with a deadline in a private space", "timeout"],
  ["wait behind a lock with an end", "has it"],
  ["wait behind a request whose lock will have an end", "has it"],
]) {
  test(`a process stays until the wait is over, and ends then: ${way}`, async () => {
    const { stdout } = await run(process.execPath, [child, way], { timeout: LIMIT });
    assert.equal(stdout, `left\n${said}\nended\n`);
  });
}

test("a process that fails while requests wait ends with its error", async () => {
  const error = await run(process.execPath, [child, "uncaught error"], { timeout: LIMIT }).catch((failed) => failed);
  assert.equal(error.code, 1);
  assert.equal(error.killed, false);
  assert.match(error.stderr, /Error: uncaught/);
});

test("a process can exit while requests wait", async () => {
  const { stdout } = await run(process.execPath, [child, "exit with waits"], { timeout: LIMIT });
  assert.equal(stdout, "ended\n");
});
