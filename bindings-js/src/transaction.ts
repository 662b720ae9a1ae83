import type { AtomicOptions, ListOptions, Range } from "./cell_options.js";
import type { Entry } from "./entry.js";
import type { Key, Keys } from "./key.js";
import type { Transacting } from "./transacting.js";

/** What runs inside a transaction. */
export type TransactionBody<T> = (tx: Transaction) => T | PromiseLike<T>;

/** What became of an insert in a transaction: the cell as it is, where it is there already. */
export type Inserted<T = unknown> = { readonly ok: true } | { readonly ok: false; readonly entry: Entry<T> };

/**
 * The handle on one run of a transaction's body. From `space.transact`.
 *
 * All that it reads is of one instant, with its own writes laid over; what it writes is seen by others only once it has
 * committed. Operations take effect in the order of the calls, and can run side by side.
 *
 * Where something that was read has changed, the attempt is over: every operation rejects with `conflict`, whatever the body does
 * then is discarded, and it runs again. So a body is to let errors of its handle pass, and to do nothing outside that may not
 * happen twice: {@link onCommit} is for that.
 *
 * It is of use only while its body runs, and not while a savepoint inside is open: else its operations are `invalid`.
 */
export class Transaction {
  readonly #call: Transacting;
  readonly #scope: number;
  /** Which run of the body this is: 1 for the first. */
  readonly attempt: number;

  /** @internal */
  constructor(call: Transacting, scope: number) {
    this.#call = call;
    this.#scope = scope;
    this.attempt = call.attempt;
  }

  /** The cell of a key, as the transaction sees it. What it wrote itself has the version that was read, or 0. */
  get<T = unknown>(key: Key): Promise<Entry<T>> {
    return this.#call.told(() => this.#call.get(this.#scope, key) as Entry<T>);
  }

  /** Several cells, in the order asked. */
  getMany<T = unknown>(keys: Keys): Promise<Entry<T>[]> {
    return this.#call.told(() => this.#call.getMany(this.#scope, keys) as Entry<T>[]);
  }

  /** The cells of a range in key order; of `{}` all. Nobody can add one to it or take one away before the commit. */
  list<T = unknown>(range: Range | Record<string, never>, options?: ListOptions): Promise<Entry<T>[]> {
    return this.#call.told(() => this.#call.list(this.#scope, range, options) as Entry<T>[]);
  }

  /**
   * Sets a cell, whatever it is. Without `expireIn` a cell that this body has read or set keeps what it had, another one does not
   * expire; null: it does not either way.
   */
  set(key: Key, value: unknown, options?: AtomicOptions): Promise<void> {
    return this.#call.told(() => this.#call.set(this.#scope, key, value, options));
  }

  /** Sets a cell that is absent; otherwise answers the entry that is there. */
  insert<T = unknown>(key: Key, value: T, options?: AtomicOptions): Promise<Inserted<T>> {
    return this.#call.told(() => this.#call.insert(this.#scope, key, value, options) as Inserted<T>);
  }

  /** Deletes a cell, if it is there. */
  delete(key: Key): Promise<void> {
    return this.#call.told(() => this.#call.delete(this.#scope, key));
  }

  /**
   * Runs a body as a savepoint: where it throws or aborts, what it wrote is undone, and so are its callbacks; what it read stays
   * read. It commits with the transaction around it, whose handle is of no use meanwhile: several run one after the other, and
   * each is awaited. One that is still open when the body around it ends is undone. Answers what the body answers.
   *
   * Rejects with the body's own error, and with `aborted` where the body aborted through its own handle.
   */
  transact<T>(body: TransactionBody<T>): Promise<T> {
    return this.#call.told(() => this.#call.savepoint(this.#scope, body));
  }

  /**
   * Ends the transaction, or the savepoint whose handle this is, without its writes: the call rejects with `aborted` and this
   * reason, whatever the body does next. Inside a savepoint it is the handle of that which counts; this one is `invalid` there.
   *
   * It never returns: `return tx.abort(…)` tells the compiler so.
   *
   * @throws {LatchworkError} `aborted`; `invalid` where the handle is of no use.
   */
  abort(reason?: unknown): never {
    throw this.#call.abortBody(this.#scope, reason);
  }

  /**
   * Runs the whole transaction again once something that it has read changes, whatever the body does next. So do all others that
   * sleep for the same: one of many gets the job, and the others sleep again.
   *
   * @throws {LatchworkError} Always: `invalid` where nothing was read, else what ends this run.
   *
   * @example
   * const job = await tx.get("job");
   * if (job.version === 0) return tx.retry();
   */
  retry(): never {
    throw this.#call.retry(this.#scope);
  }

  /**
   * Runs a function once, after the commit and before the call resolves: in the order of registration, and never for a run that is
   * discarded or a savepoint that is undone. A promise that it answers is not waited for; what it throws is reported to the
   * console, and changes nothing.
   */
  onCommit(callback: () => unknown): void {
    this.#call.onCommit(this.#scope, callback);
  }
}
