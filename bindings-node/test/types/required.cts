// Not run: the types for CommonJS.

import latchwork = require("latchwork");
import testing = require("latchwork/testing");
import webLocks = require("latchwork/web-locks");

async function use(): Promise<number> {
  const space = await latchwork.open(undefined, { clock: testing.manualClock() });
  await webLocks.lockManager(space).request("a", () => {});
  return space.withLock(latchwork.key("a", 1), (guard) => guard.token);
}
void use;
