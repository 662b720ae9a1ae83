/**
 * One call of `transact`, and what the handles of its bodies do.
 *
 * @internal
 */

import type { Transacted } from "./answers.js";
import { type Bytes, Call } from "./call.js";
import { type Spec, transactSpec } from "./call_spec.js";
import { countOf, expiryOf, RANGE, rangeOf, switchOf } from "./cell_arguments.js";
import type { Cells } from "./cells.js";
import type { Entry } from "./entry.js";
import { invalid, LatchworkError } from "./error.js";
import { type Key, rawKey, rawKeys } from "./key.js";
import { Outcome } from "./native.js";
import { CallLane, type NativeCalls } from "./native_calls.js";
import { checkOptions } from "./options.js";
import { isText } from "./text.js";
import { type Inserted, Transaction, type TransactionBody } from "./transaction.js";

/** As much of a reason as the core is told, for its message. */
const LONGEST = 100;

/** Runs a transaction. Arguments are as the caller gave them. */
export function transact(
  cells: Cells,
  native: NativeCalls,
  body: unknown,
  options: unknown,
): Transacted | Promise<Transacted> {
  if (typeof body !== "function") throw invalid("body", "must be a function");
  const spec = transactSpec(cells.space, options);
  return new Transacting(cells, native, spec, body as TransactionBody<unknown>).run();
}

/** What was given, by the names that errors have for it. */
type Given = readonly (readonly [what: string, keys: unknown])[];

/** A call of `transact`. `scope`: the body whose handle it is that asks. */
export class Transacting extends Call<Transacted> {
  readonly #body: TransactionBody<unknown>;
  #value: unknown;
  #committed = false;
  /** Whether a cell was set that expires. */
  #expires = false;
  /** What is to run after the commit, by numbers from 1. */
  #callbacks: (() => unknown)[] | undefined;
  /** What was thrown by bodies that aborted. */
  #aborted: Map<number, LatchworkError> | undefined;

  constructor(cells: Cells, native: NativeCalls, spec: Spec, body: TransactionBody<unknown>) {
    super(cells, native, spec);
    this.#body = body;
  }

  /**
   * What an operation comes to. Where nothing can commit any more, or what it did is undone, a body learns that otherwise too: it
   * need not wait for the operation. Where the call has committed without it, nobody else tells.
   */
  told<T>(operation: () => T | Promise<T>): Promise<T> {
    try {
      const done = operation();
      if (!(done instanceof Promise)) return Promise.resolve(done);
      // The body of a savepoint, whose own errors are its own.
      const told: Promise<T> = done.catch((error: unknown) => {
        const isOver = error instanceof LatchworkError && (error.code === "conflict" || error.code === "aborted");
        if (this.#failed || isOver) told.catch(() => {});
        throw error;
      });
      return told;
    } catch (error) {
      const refused = Promise.reject(error);
      if (this.#failed || (error instanceof LatchworkError && error.code !== "invalid")) refused.catch(() => {});
      return refused;
    }
  }

  get(scope: number, key: unknown): Entry {
    const raw = rawKey(this.cells.space.native, key, "key");
    const bytes = this.native.get(this.number, scope, raw);
    this.#check(scope, [["key", key]]);
    return this.cells.told(key as Key, raw, bytes);
  }

  getMany(scope: number, keys: unknown): Entry[] {
    const all = this.native.getMany(this.number, scope, rawKeys(this.cells.space.native, keys, "keys"));
    this.#check(scope, [["keys", keys]]);
    return (all ?? []).map((entry) => this.cells.entry(entry));
  }

  list(scope: number, range: unknown, options: unknown): Entry[] {
    const asked = rangeOf(this.cells.space.native, range, RANGE);
    if (options !== undefined) checkOptions(options, ["limit", "reverse"]);
    const { limit, reverse } = (options ?? {}) as Record<string, unknown>;
    const all = this.native.list(this.number, scope, asked, countOf(limit, "limit"), switchOf(reverse, "reverse"));
    this.#check(scope, Object.entries(asked));
    return (all ?? []).map((entry) => this.cells.entry(entry));
  }

  set(scope: number, key: unknown, value: unknown, options: unknown): void {
    const raw = rawKey(this.cells.space.native, key, "key");
    const expireIn = this.#expiry(options);
    this.native.set(this.number, scope, raw, this.cells.codec.encode(value), expireIn);
    this.#check(scope, [["key", key]]);
  }

  insert(scope: number, key: unknown, value: unknown, options: unknown): Inserted {
    const { space, codec } = this.cells;
    const raw = rawKey(space.native, key, "key");
    const expireIn = this.#expiry(options);
    const there = this.native.insert(this.number, scope, raw, codec.encode(value), expireIn);
    const outcome = this.#check(scope, [["key", key]]);
    if (outcome === Outcome.Refused) return { ok: false, entry: this.cells.told(key as Key, raw, there) };
    return { ok: true };
  }

  delete(scope: number, key: unknown): void {
    this.native.delete(this.number, scope, rawKey(this.cells.space.native, key, "key"));
    this.#check(scope, [["key", key]]);
  }

  savepoint<T>(scope: number, body: unknown): Promise<T> {
    if (typeof body !== "function") throw invalid("body", "must be a function");
    this.native.enter(this.number, scope);
    this.#check(scope, []);
    return this.#within(this.cells.space.native.scratch[CallLane.Scope] as number, body as TransactionBody<T>);
  }

  abortBody(scope: number, reason: unknown): LatchworkError {
    this.native.abort(this.number, scope, textOf(reason));
    const error = this.cells.refusal([]);
    if (error.code !== "aborted") return error;
    this.#aborted ??= new Map();
    this.#aborted.set(scope, Object.assign(error, { reason }));
    return error;
  }

  retry(scope: number): LatchworkError {
    this.native.retry(this.number, scope);
    return this.cells.refusal([]);
  }

  onCommit(scope: number, callback: unknown): void {
    if (typeof callback !== "function") throw invalid("callback", "must be a function");
    this.#callbacks ??= [];
    this.native.onCommit(this.number, scope, this.#callbacks.length + 1);
    this.#check(scope, []);
    this.#callbacks.push(callback as () => unknown);
  }

  protected begin(tell: number): Bytes {
    this.native.transact(this.cells.space.handle, tell, this.spec.raw);
    return undefined;
  }

  protected body(): unknown {
    this.#callbacks = undefined;
    return begun(this.#body(new Transaction(this, this.scope)));
  }

  protected answered(value: unknown): Bytes {
    this.#value = value;
    this.native.returned(this.number, this.scope);
    return undefined;
  }

  protected result(): Transacted {
    const { version, attempt: attempts } = this;
    this.#committed = true;
    if (this.#expires) this.cells.space.timer.limited();
    for (const number of this.callbacks) call(this.#callbacks?.[number - 1]);
    return { value: this.#value, version, attempts };
  }

  protected override failed(error: LatchworkError): LatchworkError {
    return this.#own(error, this.scope);
  }

  /** Whether it is over and has not committed. */
  get #failed(): boolean {
    return this.over && !this.#committed;
  }

  /** Runs the body of a savepoint. */
  async #within<T>(scope: number, body: TransactionBody<T>): Promise<T> {
    let value: T;
    try {
      value = await begun(body(new Transaction(this, scope)));
    } catch (error) {
      this.#leave(scope, false);
      throw error;
    }
    this.#leave(scope, true);
    return value;
  }

  /** Throws where the savepoint was aborted, or the attempt is over, whatever its body did. */
  #leave(scope: number, keeps: boolean): void {
    this.native.leave(this.number, scope, keeps);
    if (this.cells.space.native.scratch[CallLane.Outcome] !== Outcome.Failed) return;
    throw this.#own(this.cells.refusal([]), scope);
  }

  /** What the body of this scope has thrown, where it has aborted. */
  #own(error: LatchworkError, scope: number): LatchworkError {
    return error.code === "aborted" ? (this.#aborted?.get(scope) ?? error) : error;
  }

  #expiry(options: unknown): number {
    if (options === undefined) return Number.NaN;
    checkOptions(options, ["expireIn"]);
    const { expireIn } = options;
    if (expireIn === undefined) return Number.NaN;
    const checked = expiryOf(expireIn);
    this.#expires ||= Number.isFinite(checked);
    return checked;
  }

  /** Throws where the last operation was refused; answers how it went. */
  #check(scope: number, given: Given): number {
    const outcome = this.cells.space.native.scratch[CallLane.Outcome] as number;
    if (outcome === Outcome.Failed) throw this.#own(this.cells.refusal(given), scope);
    return outcome;
  }
}

/** What a body has answered; a generator has done nothing yet, and nobody would go on with it. */
function begun<T>(answer: T): T {
  const tag = Object.prototype.toString.call(answer);
  if (tag.endsWith("Generator]")) throw invalid("body", "is a generator function: nothing of it has run");
  return answer;
}

/** What a message says of a reason. */
function textOf(reason: unknown): string {
  let text: string;
  try {
    text = reason instanceof Error ? reason.message : String(reason);
  } catch {
    return "";
  }
  return text.length <= LONGEST && isText(text) ? text : "";
}

/** Calls what was to be called after the commit, which nothing that it does can change. */
function call(callback: (() => unknown) | undefined): void {
  try {
    // One that answers a promise is not waited for.
    Promise.resolve(callback?.()).catch(report);
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else console.error(error);
}
