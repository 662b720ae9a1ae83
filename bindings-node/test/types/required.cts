// Not run: the types for CommonJS.

import latchwork = require("latchwork");
import testing = require("latchwork/testing");

async function use(): Promise<number> {
  const space = await latchwork.open(undefined, { clock: testing.manualClock() });
  return space.withLock(latchwork.key("a", 1), (guard) => guard.token);
}
void use;
