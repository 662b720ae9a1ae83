/**
 * What a space does with its cells. Arguments are as the caller gave them.
 *
 * @internal
 */

import type { Transacted, Updated } from "./answers.js";
import type { Step } from "./atomic.js";
import {
  countOf,
  demandOf,
  expectedOf,
  expiryOf,
  guardOf,
  isEntry,
  isRange,
  RANGE,
  rangeOf,
  switchOf,
  type Wanted,
  wanted,
} from "./cell_arguments.js";
import { asNow, type Name } from "./cells_loading.js";
import { type Codec, encoded, SpaceCodec } from "./codec.js";
import type { Committed, Deleted, Entry, Exchanged } from "./entry.js";
import { invalid, type LatchworkError, takeError } from "./error.js";
import { isReleased } from "./guard.js";
import { type Key, keyOf, rawKey, rawKeys, refusedKey } from "./key.js";
import { readBack } from "./key_back.js";
import { Outcome, type RawKey } from "./native.js";
import type { NativeCalls } from "./native_calls.js";
import { CellLane, Guarded, type NativeCells, type RawChange, type RawDemand, type RawEntry } from "./native_cells.js";
import { checkOptions, checkSignal } from "./options.js";
import { settle } from "./settle.js";
import type { Space } from "./space.js";
import { transact } from "./transacting.js";
import { update } from "./updating.js";
import { Watching } from "./watching.js";
import { callsWithin } from "./within_calls.js";
import { cellsWithin } from "./within_cells.js";

const WRITE = ["expireIn", "guard", "signal"];
const DELETE = ["version", "guard", "signal"];
const NEVER = Number.POSITIVE_INFINITY;
/** Whatever version the cell has. */
const ANY = -1;

/** The cells of a space, with its codec. */
export async function newCells(space: Space, native: NativeCells): Promise<Cells> {
  const [codec, calls] = await Promise.all([new SpaceCodec(space.codec).load(), native.calls()]);
  return new Cells(space, native, calls, codec);
}

/** What a write of one cell came to; where another version is there, `entry` alone. */
interface Written {
  readonly version: number;
  /** Whether the cell was there. */
  readonly existed: boolean;
  readonly entry?: Entry;
}

/** The first part of each atomic step that was committed: the list of its parts is copied on its way. */
const committed = new WeakSet<Step>();

/** The operations on cells. What one came to is taken before anything is settled: others run then, and make calls. */
export class Cells {
  constructor(
    readonly space: Space,
    readonly native: NativeCells,
    readonly calls: NativeCalls,
    readonly codec: Codec,
  ) {}

  /** Those of this space, or of a sub-space. */
  of(space: Space): Cells {
    const { inside } = space.native;
    if (inside === undefined) return this;
    space.cells ??= new Cells(space, cellsWithin(this.native, inside), callsWithin(this.calls, inside), this.codec);
    return space.cells;
  }

  /** What an operation comes to, in this space or a sub-space: its own promise, where it has one, which costs less than another. */
  done<T>(space: Space, name: Name, given: unknown[]): Promise<T> {
    try {
      const done = (this.of(space)[name] as (...given: unknown[]) => T)(...given);
      return Promise.resolve(done);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  get(key: unknown): Entry {
    const { native, handle } = this.space;
    const raw = rawKey(native, key, "key");
    native.scratch[CellLane.Handle] = handle;
    const bytes = this.native.get(raw);
    if (native.scratch[CellLane.Outcome] === Outcome.Failed) throw this.refusal([["key", key]]);
    return this.told(key as Key, raw, bytes);
  }

  getMany(keys: unknown): Entry[] {
    const { native, handle } = this.space;
    const all = this.native.getMany(handle, rawKeys(native, keys, "keys"));
    if (!all) throw this.refusal([["keys", keys]]);
    return all.map((entry) => this.entry(entry));
  }

  set(key: unknown, value: unknown, options: unknown): { version: number } {
    const raw = rawKey(this.space.native, key, "key");
    const { version } = this.#write(key, raw, ANY, this.#bytes(value), wanted(this.space, options, WRITE));
    return { version };
  }

  insert(key: unknown, value: unknown, options: unknown): Exchanged {
    return this.#exchange(key, 0, value, options);
  }

  compareExchange(given: unknown, ...rest: unknown[]): Exchanged {
    const version = isEntry(given) ? undefined : rest.shift();
    const [key, expected] = expectedOf(given, version);
    return this.#exchange(key, expected, rest[0], rest[1]);
  }

  delete(given: unknown, options: unknown): Deleted {
    const asked = wanted(this.space, options, DELETE);
    const { version } = asked;
    const isAny = version === undefined && !isEntry(given);
    const [key, expected] = isAny ? [given, ANY] : expectedOf(given, version);
    const { entry, existed } = this.#write(key, rawKey(this.space.native, key, "key"), expected, undefined, asked);
    return entry === undefined ? { ok: true, existed } : { ok: false, entry };
  }

  commit(steps: Step[]): Committed {
    const [first] = steps;
    if (first !== undefined) {
      if (committed.has(first)) throw invalid("commit", "called before, each commit is made once");
      committed.add(first);
    }
    const { space } = this;
    const { native, handle, timer } = space;
    const changes: RawChange[] = [];
    const demands: RawDemand[] = [];
    for (const step of steps) {
      if (step[0] === "guard") demands.push(this.#demand(step));
      else changes.push(this.#change(step));
    }
    const conflicts = this.native.commit(handle, changes, demands);
    const outcome = native.scratch[CellLane.Outcome];
    const version = native.scratch[CellLane.Version] as number;
    const error =
      outcome === Outcome.Failed
        ? this.refusal([
            ...changes.map(({ key }) => ["key", key] as const),
            ...demands.map(({ keys }) => ["keys", keys] as const),
          ])
        : undefined;
    settle(this.space);
    if (error !== undefined) throw error;
    if (conflicts) {
      const read = conflicts.map(({ expected, entry: raw }) => {
        const entry = this.entry(raw);
        return { key: entry.key, expected, entry };
      });
      return { ok: false, conflicts: read };
    }
    if (changes.some(({ expireIn }) => expireIn !== undefined)) timer.limited();
    return { ok: true, version };
  }

  list(range: unknown, options: unknown): Entry[] {
    const { native, handle } = this.space;
    const asked = rangeOf(native, range, RANGE);
    if (options !== undefined) checkOptions(options, ["limit", "reverse"]);
    const { limit, reverse } = (options ?? {}) as Record<string, unknown>;
    const all = this.native.list(handle, asked, countOf(limit, "limit"), switchOf(reverse, "reverse"));
    if (!all) throw this.refusal(Object.entries(asked));
    return all.map((entry) => this.entry(entry));
  }

  deleteAll(range: unknown, options: unknown): Key[] {
    const { native, handle } = this.space;
    const asked = rangeOf(native, range, RANGE);
    // All cells must not be what a variable means that has no value.
    if (Object.keys(asked).length === 0) throw invalid("prefix", "must be there, or start, or end");
    if (options !== undefined) checkOptions(options, ["except"]);
    const { except } = (options ?? {}) as Record<string, unknown>;
    const stay = except === undefined ? [] : rawKeys(native, except, "except");
    const keys = this.native.deleteAll(handle, asked, stay);
    const error = keys ? undefined : this.refusal(Object.entries({ ...asked, except: stay }));
    settle(this.space);
    if (error !== undefined) throw error;
    return (keys ?? []).map(keyOf);
  }

  watch(what: unknown, options: unknown): Watching {
    const { native, handle } = this.space;
    if (options !== undefined) checkOptions(options, ["signal"]);
    const signal = checkSignal((options as { signal?: unknown } | undefined)?.signal);
    let number: number | null | undefined;
    let given: readonly [what: string, keys: unknown];
    if (isRange(what) && "prefix" in what) {
      const { prefix } = rangeOf(native, what, ["prefix"]);
      if (prefix === undefined) throw invalid("prefix", "must be there");
      number = this.native.watchRange(handle, { prefix });
      given = ["prefix", prefix];
    } else {
      number = this.native.watch(handle, rawKeys(native, what, "keys"));
      given = ["keys", what];
    }
    if (!number) throw this.refusal([given]);
    return new Watching(this, this.native, number, signal, given);
  }

  update(key: unknown, change: unknown, options: unknown): Updated | Promise<Updated> {
    return update(this, this.calls, key, change, options);
  }

  transact(body: unknown, options: unknown): Transacted | Promise<Transacted> {
    return transact(this, this.calls, body, options);
  }

  /** What an atomic step was given, as it is now: a value as its bytes, or why it has none. */
  taken(how: Step[0], given: unknown[]): unknown[] {
    return asNow(how, given, (value) => this.#taken(value));
  }

  /** A cell as the core tells it. */
  entry({ key, value, version, expiresIn }: RawEntry): Entry {
    return this.read(keyOf(key), value, version, expiresIn ?? NEVER);
  }

  #exchange(key: unknown, expected: number, value: unknown, options: unknown): Exchanged {
    const raw = rawKey(this.space.native, key, "key");
    const bytes = this.#bytes(value);
    const { entry, version } = this.#write(key, raw, expected, bytes, wanted(this.space, options, WRITE));
    return entry === undefined ? { ok: true, version } : { ok: false, entry };
  }

  /** Sets a cell, or deletes it where there are no bytes. */
  #write(key: unknown, raw: RawKey, expected: number, bytes: Uint8Array | undefined, asked: Wanted): Written {
    const { native, handle, timer } = this.space;
    const { scratch } = native;
    const { expireIn, guard } = asked;
    scratch[CellLane.Handle] = handle;
    scratch[CellLane.Version] = expected;
    scratch[CellLane.ExpiresIn] = expireIn;
    scratch[CellLane.Flag] = Guarded.No;
    if (guard !== undefined) {
      const { place, number, token } = guard;
      scratch[CellLane.Place] = place;
      scratch[CellLane.Number] = number;
      scratch[CellLane.GuardToken] = token;
      scratch[CellLane.Flag] = isReleased(guard) ? Guarded.Released : Guarded.Yes;
    }
    const there = this.native.write(raw, bytes);
    // What follows can call the core again, which writes over this.
    const after = native.scratch;
    const outcome = after[CellLane.Outcome];
    const version = after[CellLane.Version] as number;
    if (outcome === Outcome.Granted) {
      const written = { version, existed: after[CellLane.Flag] === 1 };
      if (after[CellLane.Settled] !== 0) settle(this.space);
      if (expireIn !== NEVER) timer.limited();
      return written;
    }
    const expiresIn = after[CellLane.ExpiresIn] as number;
    const error = outcome === Outcome.Failed ? this.refusal([["key", key]]) : undefined;
    settle(this.space);
    if (error !== undefined) throw error;
    return { version, existed: true, entry: this.read(readBack(native, key as Key, raw), there, version, expiresIn) };
  }

  #change([how, ...given]: Step): RawChange {
    const { native } = this.space;
    if (how === "check") {
      const [key, expected] = expectedOf(given[0], given[1]);
      return { key: rawKey(native, key, "key"), expected, deletes: false };
    }
    const [key, value, options] = given;
    const raw = rawKey(native, key, "key");
    if (how === "delete") return { key: raw, deletes: true };
    if (options !== undefined) checkOptions(options, ["expireIn"]);
    const expireIn = expiryOf((options as { expireIn?: unknown } | undefined)?.expireIn);
    return {
      key: raw,
      value: this.#bytes(value),
      deletes: false,
      ...(how === "insert" && { expected: 0 }),
      ...(expireIn !== NEVER && { expireIn }),
    };
  }

  #demand([, given, keys]: Step): RawDemand {
    const { space } = this;
    const guard = guardOf(space, given);
    const demand = demandOf(guard, isReleased(guard));
    return keys === undefined ? demand : { ...demand, keys: rawKeys(space.native, keys, "keys") };
  }

  #bytes(value: unknown): Uint8Array {
    return value instanceof Taken ? value.bytes() : encoded(this.codec, value);
  }

  #taken(value: unknown): Taken {
    try {
      return new Taken(this.codec.encode(value), undefined);
    } catch (error) {
      return new Taken(undefined, { error });
    }
  }

  /** The cell that the scratch and these bytes tell of. */
  told(key: Key, raw: RawKey, bytes: Uint8Array | null | undefined): Entry {
    const { native } = this.space;
    const { scratch } = native;
    const [version, expiresIn] = [scratch[CellLane.Version] as number, scratch[CellLane.ExpiresIn] as number];
    return this.read(readBack(native, key, raw), bytes, version, expiresIn);
  }

  /** A cell, its value afresh. */
  read(key: Key, bytes: Uint8Array | null | undefined, version: number, expiresIn: number): Entry {
    const value = bytes ? this.codec.decode(bytes) : undefined;
    return expiresIn === NEVER ? { key, value, version } : { key, value, version, expiresIn };
  }

  /** The error of the last call, where the core refused a key naming which of those given it was. */
  refusal(given: readonly (readonly [what: string, keys: unknown])[]): LatchworkError {
    const { native } = this.space;
    const error = takeError(native);
    if (error.what !== "key") return error;
    for (const [what, keys] of given) {
      const refused = keys === undefined ? undefined : refusedKey(native, keys, what);
      if (refused !== undefined) return refused;
    }
    return error;
  }
}

/** A value that was looked at when it was given. */
class Taken {
  readonly #encoded: Uint8Array | undefined;
  readonly #refused: { error: unknown } | undefined;

  constructor(encoded: Uint8Array | undefined, refused: { error: unknown } | undefined) {
    this.#encoded = encoded;
    this.#refused = refused;
  }

  bytes(): Uint8Array {
    if (this.#refused !== undefined) throw this.#refused.error;
    return this.#encoded as Uint8Array;
  }
}
