// Not run: the compiler checks right and wrong uses of `update` and `transact`.

import {
  type Answer,
  DELETE,
  type Entry,
  type Inserted,
  KEEP,
  key,
  LatchworkError,
  open,
  type Space,
  type Stale,
  type Transacted,
  type Transaction,
  type TransactionBody,
  type TransactOptions,
  type Updated,
  type UpdateOptions,
} from "latchwork";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const yes = <T extends true>(): T | undefined => undefined;

interface Account {
  balance: number;
}

const space: Space = await open();
const guard = await space.lock("a");

const counted = await space.update("count", (value: number = 0) => value + 1);
yes<Equal<typeof counted, Updated<number>>>();
yes<Equal<typeof counted.value, number | undefined>>();
yes<Equal<typeof counted.changed, boolean>>();
await space.update<number>(key("count", 1), async (value, entry: Entry<number>) => {
  yes<Equal<typeof value, number | undefined>>();
  return entry.version === 0 ? KEEP : DELETE;
});
const answer: Answer<Account> = { balance: 1 };
const options: UpdateOptions = {
  expireIn: null,
  attempts: 3,
  timeout: 500,
  signal: AbortSignal.abort(),
  owner: space.owner(),
  label: "refresh",
  guard,
  guardKeys: ["a"],
};
await space.update<Account>("account", () => answer, options);

const moved = await space.transact(async (tx) => {
  yes<Equal<typeof tx, Transaction>>();
  yes<Equal<typeof tx.attempt, number>>();
  const { value } = await tx.get<Account>("account");
  yes<Equal<typeof value, Account | undefined>>();
  const all = await tx.getMany<Account>(["account", key("account", 2)]);
  yes<Equal<typeof all, Entry<Account>[]>>();
  for (const entry of await tx.list({ prefix: key("account") }, { limit: 5, reverse: true })) void entry.expiresIn;
  await tx.set("account", { balance: 5 }, { expireIn: 500 });
  const inserted = await tx.insert<Account>("account", { balance: 5 });
  yes<Equal<typeof inserted, Inserted<Account>>>();
  if (!inserted.ok) void inserted.entry.value?.balance;
  await tx.delete("account");
  const inner = await tx.transact((savepoint) => savepoint.attempt);
  yes<Equal<typeof inner, number>>();
  tx.onCommit(() => console.log("moved"));
  if (value === undefined) return tx.abort({ any: "thing" });
  if (value.balance === 0) tx.retry();
  return value.balance;
});
yes<Equal<typeof moved, Transacted<number>>>();
const { guardKeys, expireIn, ...transact } = options;
const told: TransactOptions = transact;
const body: TransactionBody<void> = () => {};
await space.transact(body, told);
void [guardKeys, expireIn];

try {
  await space.update("count", () => 1);
} catch (error) {
  if (error instanceof LatchworkError && error.code === "conflict") {
    yes<Equal<typeof error.attempts, number | undefined>>();
    const conflicts: readonly Stale[] | undefined = error.conflicts;
    void conflicts?.[0]?.version;
  }
  if (error instanceof LatchworkError) yes<Equal<typeof error.reason, unknown>>();
}

// @ts-expect-error the function is missing
await space.update("count");
// @ts-expect-error a forgotten return
await space.update<number>("count", () => {});
// @ts-expect-error another type than the cell has
await space.update<number>("count", () => "text");
// @ts-expect-error no such option
await space.update("count", () => 1, { retries: 5 });
// @ts-expect-error a time is a number
await space.update("count", () => 1, { timeout: "1s" });
// @ts-expect-error the body is missing
await space.transact({ timeout: 5 });
// @ts-expect-error it belongs to cells, and a transaction has many
await space.transact(() => {}, { expireIn: 5 });
// @ts-expect-error the options of a lock are not those of a write
await space.transact((tx) => tx.set("a", 1, { guard }));
// @ts-expect-error a handle is made by its transaction
new Transaction(space);

// The examples of the declarations, as they stand there.
await space.transact(async (tx) => {
  const { value: from = 0 } = await tx.get<number>("account/1");
  if (from < 10) return tx.abort("not enough");
  const { value: to = 0 } = await tx.get<number>("account/2");
  await tx.set("account/1", from - 10);
  await tx.set("account/2", to + 10);
});
await space.transact(async (tx) => {
  const job = await tx.get<string>("job");
  if (job.value === undefined) return tx.retry();
  return job.value.length;
});
await space.update("count", (count: number = 0) => count + 1);
await space.update<string[]>(key("pages", 1), async (pages = []) => [...pages, await Promise.resolve("page")]);
const seen = await space.get<number>("count");
await space.compareExchange(seen, (seen.value ?? 0) + 1);
