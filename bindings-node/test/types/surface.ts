// Not run: the compiler checks that right uses are accepted and that wrong ones are refused.

import {
  type Codec,
  type Committed,
  type Conflict,
  type Deleted,
  type Entry,
  type Exchanged,
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

interface Document {
  pages: string[];
}
const read = await space.get<Document>(tuple);
yes<Equal<typeof read, Entry<Document>>>();
yes<Equal<typeof read.value, Document | undefined>>();
yes<Equal<typeof read.version, number>>();
yes<Equal<typeof read.key, Key>>();
yes<Equal<typeof read.expiresIn, number | undefined>>();
const unknowns = await space.getMany(["a", tuple] as const);
yes<Equal<typeof unknowns, Entry<unknown>[]>>();
const { version } = await space.set("a", new Map([["any", 1n]]), {
  expireIn: null,
  guard,
  signal: AbortSignal.abort(),
});
yes<Equal<typeof version, number>>();
const inserted = await space.insert("a", { pages: ["one"] }, { expireIn: 5 });
if (inserted.ok) yes<Equal<typeof inserted.version, number>>();
else yes<Equal<typeof inserted.entry, Entry<Document>>>();
const exchanged: Exchanged<Document> = await space.compareExchange(read, { pages: [] });
void [
  exchanged,
  await space.compareExchange("a", version, "any"),
  await space.compareExchange<string>("a", 0, "b", {}),
];
const deleted: Deleted<Document> = await space.delete(read, { guard });
if (deleted.ok) yes<Equal<typeof deleted.existed, boolean>>();
else void deleted.entry.value?.pages;
await space.delete("a", { version: 5 });
const committed: Committed = await space
  .atomic()
  .check(read)
  .check("b", 0)
  .set("c", 1, { expireIn: 5 })
  .insert("d", null)
  .delete(tuple)
  .guard(guard, ["a"])
  .guard(guard)
  .commit();
if (committed.ok) yes<Equal<typeof committed.version, number>>();
else yes<Equal<typeof committed.conflicts, readonly Conflict<unknown>[]>>();
const texts = await space.list<string>({ prefix: key("user") }, { limit: 5, reverse: true });
yes<Equal<typeof texts, Entry<string>[]>>();
await space.list({ start: 1, end: 5 });
await space.list({});
const gone = await space.deleteAll({ end: "z" }, { except: ["a", tuple] });
yes<Equal<typeof gone, Key[]>>();
for await (const [first] of space.watch<number>(["a", "b"], { signal: AbortSignal.abort() })) {
  yes<Equal<typeof first, Entry<number> | undefined>>();
}
for await (const entries of space.watch({ prefix: "a" })) yes<Equal<typeof entries, Entry<unknown>[]>>();
const tenant: Space = space.within(key("tenant", 7)).within("docs");
void tenant;
const codec: Codec<string> = { encode: (value) => new TextEncoder().encode(value), decode: () => "text" };
await open("memory:codec", { codec: "json" });
void codec;

// @ts-expect-error a result is looked at before its entry
void inserted.entry;
// @ts-expect-error a version comes with a write that was made
void exchanged.version;
// @ts-expect-error a key without a version compares nothing
await space.compareExchange("a", "any");
// @ts-expect-error a comparison is of one type
await space.compareExchange(read, 5);
// @ts-expect-error an absent cell has no value
void read.value.pages;
// @ts-expect-error an entry is read only
read.version = 5;
// @ts-expect-error no such option: set compares nothing
await space.set("a", 1, { version: 5 });
// @ts-expect-error a time is a number
await space.set("a", 1, { expireIn: "5" });
// @ts-expect-error there is a key to a value
await space.set("a");
// @ts-expect-error a prefix is one way, start and end are another
await space.list({ prefix: "a", from: "b" });
// @ts-expect-error all cells are not deleted by leaving something out
await space.deleteAll({});
// @ts-expect-error a range is an object
await space.deleteAll("a");
// @ts-expect-error only a prefix or keys can be watched
space.watch({ start: "a" });
// @ts-expect-error an atomic step ends with commit
(await space.atomic().set("a", 1)).ok;
// @ts-expect-error a prefix is one key
space.within(["a"]);
// @ts-expect-error no such codec
await open("memory:codec", { codec: "xml" });

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
