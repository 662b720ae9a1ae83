// Not run: the compiler checks that right uses are accepted and that wrong ones are refused.

import {
  type Guard,
  type Key,
  key,
  LatchworkError,
  type LockOptions,
  type Owner,
  open,
  type Query,
  type Space,
} from "latchwork";
import { encodeKey, type ManualClock, manualClock } from "latchwork/testing";
import { type LockInfo, LockManager, type LockManagerSnapshot, type LockMode, lockManager } from "latchwork/web-locks";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const yes = <T extends true>(): T | undefined => undefined;

const clock: ManualClock = manualClock();
void manualClock("name").now;
const space: Space = await open("memory:types", { clock });
const tuple = key("user", 42, key(1n, true), new Uint8Array());
const all: Key[] = ["a", 1, 2n, false, new Uint8Array(1), tuple];

const guard = await space.lock(all);
yes<Equal<typeof guard, Guard>>();
yes<Equal<typeof guard.token, number>>();
yes<Equal<typeof guard.keys, readonly Key[]>>();
yes<Equal<typeof guard.label, string | undefined>>();
yes<Equal<typeof guard.abandoned, boolean>>();
yes<Equal<typeof guard.owner, Owner | undefined>>();
yes<Equal<typeof guard.lost, AbortSignal>>();
yes<Equal<typeof guard.payload, unknown>>();
const owner: Owner = space.owner("checkout");
const own = await owner.lock("own", { maxHold: 5 });
own.downgrade(["own"]);
own.release("own");
const { delivered } = await own.handOver(owner.id, { any: "thing" });
yes<Equal<typeof delivered, boolean>>();
for await (const handed of owner.handedOver) yes<Equal<typeof handed, Guard>>();
const ended = await owner.close();
yes<Equal<typeof ended, number>>();
const revoked = await space.revoke(["a", tuple]);
yes<Equal<typeof revoked, number>>();
await open("memory:limits", { maxWaiters: 5, maxWaitersPerKey: 1, meta: { any: "thing" }, ambientOwner: true });
// @ts-expect-error whose request it is is said already
await owner.lock("a", { owner });
guard.release();
guard[Symbol.dispose]();
await guard[Symbol.asyncDispose]();

const options: LockOptions = {
  mode: "shared",
  shared: ["x", tuple],
  timeout: 5,
  signal: AbortSignal.abort(),
  label: "l",
};
await space.lock("a" as const, options);
await space.lock(["a", "b"] as const);

const tried = await space.tryLock(tuple, { mode: "exclusive" });
yes<Equal<typeof tried, Guard | null>>();

const page = await space.withLock(tuple, async (held) => held.token);
yes<Equal<typeof page, number>>();
const text = await space.withLock([1, 2], options, () => "text");
yes<Equal<typeof text, string>>();

const query: Query = await space.query(["a"]);
const [wait] = query.pending;
yes<Equal<typeof wait, Query["pending"][number] | undefined>>();

async function scoped(): Promise<void> {
  using short = await space.lock("a");
  await using long = await space.lock("b");
  await using other = await open();
  void [short, long, other];
}
await scoped();

try {
  await space.lock("a", { timeout: 0 });
} catch (error) {
  if (error instanceof LatchworkError && error.code === "timeout") {
    const { keys, waited, position, blockedBy } = error;
    yes<Equal<typeof waited, number | undefined>>();
    void [keys, position, blockedBy?.[0]?.label];
  }
}
await encodeKey(1);

const locks: LockManager = lockManager(space);
const asked = await locks.request("a", { mode: "shared", ifAvailable: true }, async (lock) => lock?.mode);
yes<Equal<typeof asked, LockMode | undefined>>();
const { held }: LockManagerSnapshot = await locks.query();
yes<Equal<(typeof held)[number], LockInfo>>();
// @ts-expect-error it may be null
await locks.request("a", (lock) => lock.name);
// @ts-expect-error the callback is missing
await locks.request("a");
// @ts-expect-error no such mode
await locks.request("a", { mode: "read" }, () => {});
// @ts-expect-error a manager is of a space
new LockManager(space);

await space.close();

// @ts-expect-error a key cannot be null
await space.lock(null);
// @ts-expect-error a key cannot be an object
await space.lock({ id: 1 });
// @ts-expect-error several keys do not nest: that is a tuple
await space.lock([["a"]]);
// @ts-expect-error a part cannot be an array
key(["a"]);
// @ts-expect-error no such option
await space.lock("a", { timeOut: 5 });
// @ts-expect-error no such mode
await space.lock("a", { mode: "read" });
// @ts-expect-error tryLock never waits
await space.tryLock("a", { timeout: 5 });
// @ts-expect-error the body is missing
await space.withLock("a", { timeout: 5 });
// @ts-expect-error a guard is not there before the lock
space.lock("a").release();
// @ts-expect-error the result of a try can be null
(await space.tryLock("a")).release();
// @ts-expect-error a guard's fields are read only
guard.token = 1;
// @ts-expect-error what is inside is nobody's business
space.handle;
// @ts-expect-error a code that does not exist
if (new LatchworkError("closed", "").code === "late") clock.advance(1);
// @ts-expect-error an address is a text
await open(5);
