import type { AmbientOwner } from "./ambient_owner.js";
import type { Answer, Transacted, Updated } from "./answers.js";
import { Atomic } from "./atomic.js";
import type {
  DeleteAllOptions,
  DeleteOptions,
  ListOptions,
  Prefix,
  Range,
  WatchOptions,
  WriteOptions,
} from "./cell_options.js";
import type { Cells } from "./cells.js";
import { asNow, onCells } from "./cells_loading.js";
import type { ClockLink } from "./clock.js";
import type { CodecOption } from "./codec.js";
import type { Deleted, Entry, Exchanged } from "./entry.js";
import { invalid, takeError } from "./error.js";
import type { Guard } from "./guard.js";
import { type Key, type Keys, rawKeys } from "./key.js";
import { Later } from "./later.js";
import { Lane, type Native, Outcome } from "./native.js";
import type { Settings } from "./open_options.js";
import type { LockOptions, TryLockOptions } from "./options.js";
import { numbered, type Owner } from "./owner.js";
import { placed } from "./placed.js";
import type { Query } from "./query.js";
import { lockFor, tryLockFor } from "./request.js";
import { type Body, withLockFor } from "./scope.js";
import { closed, failureOf, opened, settle } from "./settle.js";
import { checkText } from "./text.js";
import { SpaceTimer } from "./timer.js";
import type { TransactionBody } from "./transaction.js";
import type { TransactOptions, UpdateOptions } from "./update_options.js";
import { Waits } from "./waits.js";
import { Watches } from "./watches.js";
import { within } from "./within.js";

/**
 * Locks and cells by keys. From `open`.
 *
 * Requests that share a key are served in the order in which they came; requests without a common key never wait for each
 * other directly. A request for several keys gets them all in one step and holds nothing while it waits, so single
 * requests cannot deadlock and large sets do not starve. The price: a free key is reserved for an earlier request that still
 * waits for another.
 *
 * Locks taken **one inside the other** can deadlock, whatever the order of their keys: a free key may be reserved for a request
 * that waits for you. Ask for all keys at once. Where that cannot be, take the inner ones as the same owner
 * (`guard.owner.lock(…)`): then a wait that would never end is refused with `deadlock`.
 *
 * A cell holds a value and its version. Every commit gives all cells that it writes one new version, larger than every earlier
 * one of these cells; an absent cell reads as version 0. Conditions compare versions, never values. When an operation has
 * resolved, everybody in the space sees what it did. Operations on cells reject with `closed`, with `invalid` where an argument
 * cannot be what it must be, and with what a codec of the caller's throws; nothing has changed then.
 *
 * Locks and cells are two tables: locking `doc` does not stop a write of cell `doc`; a write with a `guard` does.
 */
export class Space implements AsyncDisposable {
  /** New, and larger, in each life of the space. Where a fencing token is kept, it is to be kept beside it. */
  readonly epoch: number;
  /**
   * What whoever made the space said about it with `open(url, { meta })`: a copy, whose plain objects and arrays are frozen.
   */
  readonly meta: unknown;
  /** @internal */
  readonly url: string | undefined;
  /** @internal */
  readonly native: Native;
  /** @internal */
  readonly handle: number;
  /** @internal */
  readonly clock: ClockLink | undefined;
  /** @internal */
  readonly ambient: AmbientOwner | undefined;
  /** @internal */
  readonly codec: CodecOption | undefined;
  /** @internal */
  cells: Cells | undefined = undefined;
  /** @internal */
  loading?: Promise<Cells> | undefined;
  /** @internal */
  readonly waits = new Waits();
  /** @internal */
  readonly watches = new Watches();
  /** @internal */
  readonly timer = new SpaceTimer(this);
  /**
   * Asked of the root.
   *
   * @internal
   */
  closed = false;
  /**
   * The space that it is a sub-space of; itself where it is none.
   *
   * @internal
   */
  readonly root: Space = this;
  /**
   * Whether keys cross as they are, and a request that says nothing of an owner has none.
   *
   * @internal
   */
  readonly plain: boolean;

  /** @internal */
  constructor(native: Native, handle: number, url: string | undefined, settings: Settings, meta: unknown) {
    const { clock, codec, ambient } = settings;
    this.native = native;
    this.handle = handle;
    this.url = url;
    this.clock = clock;
    this.codec = codec;
    this.ambient = ambient;
    this.plain = ambient === undefined;
    this.epoch = native.epoch(handle);
    this.meta = meta;
    opened(this);
    clock?.spaces.add(this);
  }

  /**
   * Waits until all the keys can be had at once, and takes them.
   *
   * The request joins the queues **at the call**, not when the promise is awaited. Prefer {@link withLock}, or
   * `using guard = await space.lock(…)`: a guard that is forgotten, or a promise that nobody awaits, keeps its keys for
   * ever. Give it a `label`: an error of a request that waited has no line of the caller in its stack, but it has the label.
   *
   * Rejects with `timeout`, `closed` or `invalid`, with `deadlock` or `cancelled` where it has an owner, or with the reason of
   * the signal. A key has at most 2 KiB.
   *
   * @example
   * using guard = await space.lock(["sender", "receiver"], { timeout: 500 });
   */
  lock(keys: Keys, options?: LockOptions): Promise<Guard> {
    return lockFor(this, keys, options, undefined);
  }

  /**
   * Takes all the keys if they can be had at once; otherwise answers null. Never waits, and never overtakes a request that
   * waits.
   *
   * Rejects with `closed` or `invalid`, or with `cancelled` where its owner is closed.
   */
  tryLock(keys: Keys, options?: TryLockOptions): Promise<Guard | null> {
    return tryLockFor(this, keys, options, undefined);
  }

  /**
   * Runs `body` while it holds the keys, and releases them when it has returned, thrown or its promise has settled.
   *
   * Answers what the body answers, or rejects with the body's own error, whatever happened to the guard inside: that it was
   * lost is no error, unless the body makes it one (`guard.lost.throwIfAborted()`). Where the
   * keys are free the body starts before this call returns. Other rejections are those of {@link lock}; the body has not run
   * then.
   *
   * @example
   * const pages = await space.withLock(`document/${id}`, async () => {
   *   const document = await load(id);
   *   document.pages.push(page);
   *   await save(id, document);
   *   return document.pages.length;
   * });
   */
  withLock<T>(keys: Keys, body: Body<T>): Promise<T>;
  withLock<T>(keys: Keys, options: LockOptions | undefined, body: Body<T>): Promise<T>;
  withLock<T>(keys: Keys, second: LockOptions | undefined | Body<T>, third?: Body<T>): Promise<T> {
    return withLockFor(this, keys, second, third, undefined);
  }

  /**
   * Names a line of work, which then takes locks as its owner: `owner.lock(…)`, or `space.lock(keys, { owner })`.
   *
   * Inside `withLock` there is one at hand: `guard.owner`.
   *
   * @param label A text for people: shown by `query` and in errors.
   * @throws {LatchworkError} `invalid` where the label is not a text.
   */
  owner(label?: string): Owner {
    if (label !== undefined) checkText(label, "label");
    return numbered(this, this.native.owner(this.handle, label), label);
  }

  /**
   * What is held and what waits at one instant: on these keys, or everywhere.
   *
   * Without keys it looks at everything, and every other operation of the space waits for that. It disturbs nothing.
   */
  async query(keys?: Keys): Promise<Query> {
    const { native } = this;
    const raw = keys === undefined ? undefined : rawKeys(native, keys, "keys");
    const query = native.query(this.handle, raw);
    // Few ever ask, so what makes an answer of it is loaded then.
    if (query) return (await import("./query.js")).queryOf(query);
    throw placed(native, takeError(native), keys);
  }

  /**
   * Takes keys away from everybody who holds any of them: those guards are lost (`guard.lost`, `guard.held`), and the next in
   * line have the keys. What a lost guard held besides stays reserved until it is released. Requests that wait keep their
   * places. Answers how many guards were lost.
   *
   * Rejects with `closed` or `invalid`.
   */
  async revoke(keys: Keys): Promise<number> {
    const { native, handle } = this;
    const lost = native.revoke(handle, rawKeys(native, keys, "keys"));
    if (native.scratch[Lane.Outcome] === Outcome.Failed) throw placed(native, failureOf(this), keys);
    settle(this);
    return lost;
  }

  /**
   * The cell of a key as it is now.
   *
   * @example
   * const { value, version } = await space.get("count");
   */
  get<T = unknown>(key: Key): Promise<Entry<T>> {
    return onCells(this, "get", key);
  }

  /** Several cells at one instant, in the order asked. */
  getMany<T = unknown>(keys: Keys): Promise<Entry<T>[]> {
    return onCells(this, "getMany", keys);
  }

  /**
   * Sets a cell, whatever it is. Without `expireIn` it does not expire, whatever it did before.
   *
   * Rejects with `fenced` where the `guard` is not held.
   *
   * @example
   * await space.set(key("session", id), { user: "ada" }, { expireIn: 30 * 60_000 });
   */
  set(key: Key, value: unknown, options?: WriteOptions): Promise<{ readonly version: number }> {
    return onCells(this, "set", key, value, options);
  }

  /**
   * Sets a cell that is absent; otherwise answers the entry that is there.
   *
   * Rejects with `fenced` where the `guard` is not held.
   *
   * @example
   * const taken = await space.insert(key("account", name), { password });
   * if (!taken.ok) throw new Error(`somebody has the name since version ${taken.entry.version}`);
   */
  insert<T = unknown>(key: Key, value: T, options?: WriteOptions): Promise<Exchanged<T>> {
    return onCells(this, "insert", key, value, options);
  }

  /**
   * Sets a cell that still has the version of an entry, or the one given with its key; otherwise answers the entry that is
   * there.
   *
   * Rejects with `fenced` where the `guard` is not held.
   *
   * @example
   * const seen = await space.get<number>("count");
   * const done = await space.compareExchange(seen, (seen.value ?? 0) + 1);
   */
  compareExchange<T = unknown>(entry: Entry<T>, value: T, options?: WriteOptions): Promise<Exchanged<T>>;
  compareExchange<T = unknown>(key: Key, version: number, value: T, options?: WriteOptions): Promise<Exchanged<T>>;
  compareExchange<T>(...given: unknown[]): Promise<Exchanged<T>> {
    return onCells(this, "compareExchange", ...given);
  }

  /**
   * Deletes a cell, whatever it is; given an entry, or `version` in the options, only one that still has this version, and
   * otherwise answers the entry that is there.
   *
   * Rejects with `fenced` where the `guard` is not held.
   */
  delete<T = unknown>(key: Key | Entry<T>, options?: DeleteOptions): Promise<Deleted<T>> {
    return onCells(this, "delete", key, options);
  }

  /**
   * Changes a cell by a function of what it holds: if somebody else has changed it meanwhile, nothing is written and the function
   * runs again on what is there then.
   *
   * After the third conflict the call takes its turn: calls that wait for the turn of a cell run one after the other, in order, and
   * no other update or transaction changes the cell meanwhile. So every call succeeds, and no function runs more than four times;
   * only writes that carry no function (`set`, `insert`, `delete`, …) are not held up, and after sixteen of them in one turn the
   * call rejects with `conflict`.
   *
   * The function is given the value, its own to edit, and the whole entry, and answers the new value, `KEEP` or `DELETE`, or a
   * promise of it. Where it waits for nothing it runs before this call returns, and once. Its own error ends the call and passes
   * through. What it does elsewhere it may do several times; other calls that it makes are calls of their own, and one that needs the
   * turn of this very cell waits for ever, or for its time-out: with `owner` it is refused with `deadlock` instead.
   *
   * Rejects with `conflict` where the limit of `attempts` is used up, with `timeout`, `fenced`, `cancelled`, `deadlock`, `busy`, or
   * the reason of the signal; and with `invalid` where the function answers undefined.
   *
   * @example
   * const { value } = await space.update("count", (count: number = 0) => count + 1);
   *
   * @example
   * await space.update<string[]>(key("pages", id), async (pages = []) => [...pages, await render(page)]);
   */
  update<T = unknown>(
    key: Key,
    fn: (value: T | undefined, entry: Entry<T>) => Answer<T> | PromiseLike<Answer<T>>,
    options?: UpdateOptions,
  ): Promise<Updated<T>> {
    return onCells(this, "update", key, fn, options);
  }

  /**
   * Runs a body that reads and writes any cells by its handle, and commits all of its writes at one instant, if everything that it
   * read is still as it was: as if it had run alone. Else it runs again.
   *
   * After the third conflict the call takes its turn on the cells that it touched, as {@link update} does; where these are not the
   * same in each run, or a range is listed, on the whole space. So every call succeeds, and no body runs more than five times but
   * for writes that carry no function and for `tx.retry()`. A transaction that writes nothing never waits.
   *
   * What the body returns is the `value` of the answer. Its own error ends the call, without its writes, and passes through.
   *
   * Rejects as {@link update} does, and with `aborted` where the body calls `tx.abort`.
   *
   * @example
   * await space.transact(async (tx) => {
   *   const { value: from = 0 } = await tx.get<number>("account/1");
   *   if (from < 10) return tx.abort("not enough");
   *   const { value: to = 0 } = await tx.get<number>("account/2");
   *   await tx.set("account/1", from - 10);
   *   await tx.set("account/2", to + 10);
   * });
   */
  transact<T>(body: TransactionBody<T>, options?: TransactOptions): Promise<Transacted<T>> {
    return onCells(this, "transact", body, options);
  }

  /** Conditions and writes on several cells in one step. */
  atomic(): Atomic {
    return new Atomic(this);
  }

  /**
   * The cells of a range at one instant, in key order; of `{}` all.
   *
   * @example
   * const sessions = await space.list({ prefix: key("session", user) }, { limit: 10 });
   */
  list<T = unknown>(range: Range | Record<string, never>, options?: ListOptions): Promise<Entry<T>[]> {
    return onCells(this, "list", range, options);
  }

  /**
   * Deletes all cells of a range, `except` some, in one step. Answers the keys that were deleted, in key order. `{ start: false }`,
   * the least key, means all.
   */
  deleteAll(range: Range, options?: DeleteAllOptions): Promise<Key[]> {
    return onCells(this, "deleteAll", range, options);
  }

  /**
   * Watches cells: one after another their whole states, each at one instant. The first comes at once, later ones after changes:
   * the entries of the keys in the order asked, or the present ones of a prefix in key order. Intermediate states may be
   * skipped, the last one never is, and none is older than the one before. A prefix is of strings or of tuples: none is of
   * everything.
   *
   * A slow reader costs nothing but the versions of its last item; each item is made anew, all its cells. Registers at the first
   * `next`, which also tells what is wrong with the arguments. Leaving the loop ends it, and so does the signal; the end of the
   * space rejects with `closed`. A `next` that waits keeps a process of Node alive as a request for a
   * lock does: in a space with a name. What expires is told by the timer of the space, which does not keep it alive.
   *
   * @example
   * for await (const [settings] of space.watch("settings")) apply(settings.value);
   */
  watch<T = unknown>(keys: Keys | Prefix, options?: WatchOptions): AsyncIterableIterator<Entry<T>[]> {
    const taken = asNow("watch", [keys, options]);
    return new Later(() => onCells(this, "watch", ...taken));
  }

  /**
   * A sub-space: a cheap handle for the locks and cells of the keys under a prefix, which it names without it. Whatever it is
   * asked, it neither sees nor reaches anything else: no other key, lock, cell or request, not in a query, a scan, a watch or an
   * error.
   *
   * Its key `k` is the key of this space that has the parts of `prefix` (or `prefix` as one part) and then `k` as the last part.
   * It ends with this space, and cannot be closed by itself.
   *
   * @throws {LatchworkError} `invalid` where the prefix is not a key.
   *
   * @example
   * const tenant = space.within(key("tenant", 7));
   * await tenant.set("seats", 5);
   * const { value } = await space.get(key("tenant", 7, "seats")); // 5
   */
  within(prefix: Key): Space {
    const own = { native: within(this.native, prefix), plain: false, cells: undefined };
    return Object.assign(Object.create(Space.prototype), this, own);
  }

  /**
   * Ends this opening of the space: its waits fail with `closed`, its guards are released. Closing again does nothing.
   *
   * An `update` or `transact` that has a `timeout`, an `owner`, a `guard` or a turn rejects at once, while its body runs. One
   * that has none of them is told at its body's next operation, and at the body's end.
   *
   * A space with a name ends with its last opening. A sub-space ends with its space: to close it is `invalid`.
   */
  async close(): Promise<void> {
    if (this.native.inside !== undefined) throw invalid("space", "ends with its space");
    if (this.closed) return;
    this.closed = true;
    const { native, handle } = this;
    native.close(handle);
    settle(this);
    closed(this);
    this.watches.end();
    this.timer.stop();
    this.clock?.spaces.delete(this);
  }

  /** Closes the space. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
