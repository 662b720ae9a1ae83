// What a program that uses the package is compiled against.

import { type Entry, type Guard, key, LatchworkError, open, type Space } from "latchwork-web";
import * as inline from "latchwork-web/inline";
import { type Source, start } from "latchwork-web/slim";
import { manualClock } from "latchwork-web/testing";
import { lockManager } from "latchwork-web/web-locks";

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

/** Cells, in a sub-space. */
export async function counts(space: Space): Promise<number> {
  const cells = space.within("counts");
  const seen: Entry<number> = await cells.get<number>("count");
  const done = await cells.compareExchange(seen, (seen.value ?? 0) + 1);
  for await (const [entry] of cells.watch<number>("count")) return entry?.value ?? 0;
  // @ts-expect-error what is there is told only where the write was not made
  return done.entry.version;
}

/** What takes the browser's own lock manager takes this one. */
export async function drops(space: Space): Promise<LockManager> {
  const locks: LockManager = lockManager(space);
  await locks.request("a", { signal: AbortSignal.timeout(10) }, async (lock: Lock | null) => lock?.name);
  return locks;
}
