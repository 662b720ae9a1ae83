// What a program that uses the package is compiled against.

import { type Guard, key, LatchworkError, open, type Space } from "latchwork-web";
import * as inline from "latchwork-web/inline";
import { type Source, start } from "latchwork-web/slim";
import { manualClock } from "latchwork-web/testing";

export async function uses(source: Source): Promise<number> {
  await start(source);
  const space: Space = await open(undefined, { clock: manualClock() });
  const guard: Guard = await space.lock(["a", key("b", 1)], { timeout: 10, shared: ["c"] });
  using another = await inline.open().then((other) => other.lock("d"));
  const answer: string = await space.withLock("e", async () => "done");
  // @ts-expect-error a key is no object
  await space.lock({});
  // @ts-expect-error no such option
  await space.lock("a", { patience: 1 });
  try {
    guard.release();
  } catch (error) {
    if (error instanceof LatchworkError && error.code === "not_held") return answer.length;
  }
  return another.token;
}
