import type { AtomicOptions } from "./cell_options.js";
import { asNow, onCells } from "./cells_loading.js";
import type { Committed, Entry } from "./entry.js";
import type { Guard } from "./guard.js";
import type { Key, Keys } from "./key.js";
import type { Space } from "./space.js";

/**
 * What an atomic step was told: its name, and what it was given.
 *
 * @internal
 */
export type Step = readonly ["check" | "set" | "insert" | "delete" | "guard", ...given: unknown[]];

/**
 * Conditions and writes on several cells that take effect at one instant, or not at all. From `space.atomic()`.
 *
 * Values are taken as they are at the call. Whatever is wrong with what it was told, {@link commit} rejects with it, and
 * nothing changes.
 *
 * @example
 * const from = await space.get("account/1");
 * const moved = await space
 *   .atomic()
 *   .check(from)
 *   .set("account/1", from.value - 10)
 *   .insert("transfer/7", { from: 1, to: 2, amount: 10 })
 *   .commit();
 * if (!moved.ok) console.log(moved.conflicts);
 */
export class Atomic {
  readonly #space: Space;
  readonly #steps: Step[] = [];

  /** @internal */
  constructor(space: Space) {
    this.#space = space;
  }

  /** Demands that a cell has the version that an entry shows, or the one given with its key; 0: that it is absent. */
  check(entry: Entry): this;
  check(key: Key, version: number): this;
  check(...given: unknown[]): this {
    return this.#add("check", ...given);
  }

  /** Sets a cell. Of several writes of one cell the last one counts. */
  set(key: Key, value: unknown, options?: AtomicOptions): this {
    return this.#add("set", key, value, options);
  }

  /** Sets a cell that must be absent. */
  insert(key: Key, value: unknown, options?: AtomicOptions): this {
    return this.#add("insert", key, value, options);
  }

  /** Deletes a cell, if it is there. */
  delete(key: Key): this {
    return this.#add("delete", key);
  }

  /** Demands that the guard holds these keys, or every key that it was granted except those that it released itself. */
  guard(guard: Guard, keys?: Keys): this {
    return this.#add("guard", guard, keys);
  }

  /**
   * Checks all conditions and makes all changes at one instant. Answers the new version of all cells that were written, or
   * every condition that was not met, in the order of the calls. Called once: what is to be done again is put together anew.
   *
   * Rejects with `fenced` where a guard is not held, with `closed` or `invalid`. Nothing has changed then.
   */
  commit<T = unknown>(): Promise<Committed<T>> {
    return onCells(this.#space, "commit", this.#steps);
  }

  #add(how: Step[0], ...given: unknown[]): this {
    this.#steps.push([how, ...(this.#space.root.cells?.taken(how, given) ?? asNow(how, given))]);
    return this;
  }
}
