/**
 * One call of `update`.
 *
 * @internal
 */

import { type Answer, DELETE, KEEP, type Updated } from "./answers.js";
import { type Bytes, Call } from "./call.js";
import { type Spec, updateSpec } from "./call_spec.js";
import type { Cells } from "./cells.js";
import type { Entry } from "./entry.js";
import { invalid } from "./error.js";
import { type Key, rawKey } from "./key.js";
import { readBack } from "./key_back.js";
import type { RawKey } from "./native.js";
import type { NativeCalls } from "./native_calls.js";

/** The function of an update. */
type Change = (value: unknown, entry: Entry) => Answer<unknown> | PromiseLike<Answer<unknown>>;

/** Updates a cell. Arguments are as the caller gave them. */
export function update(
  cells: Cells,
  native: NativeCalls,
  key: unknown,
  change: unknown,
  options: unknown,
): Updated | Promise<Updated> {
  const { space } = cells;
  const raw = rawKey(space.native, key, "key");
  if (typeof change !== "function") throw invalid("fn", "must be a function");
  const spec = updateSpec(space, key, options);
  return new Updating(cells, native, spec, key as Key, raw, change as Change).run();
}

class Updating extends Call<Updated> {
  readonly #key: Key;
  readonly #raw: RawKey;
  readonly #change: Change;
  /** What the function answered last. */
  #answer: unknown;

  constructor(cells: Cells, native: NativeCalls, spec: Spec, key: Key, raw: RawKey, change: Change) {
    super(cells, native, spec);
    this.#key = key;
    this.#raw = raw;
    this.#change = change;
  }

  protected begin(tell: number): Bytes {
    return this.native.update(this.cells.space.handle, tell, this.#raw, this.spec.raw);
  }

  protected body(): unknown {
    const { cells, bytes, version, expiresIn } = this;
    // Afresh for each run, so that the function may change what it is given (clause C15).
    const entry = cells.read(readBack(cells.space.native, this.#key, this.#raw), bytes, version, expiresIn);
    return this.#change(entry.value, entry);
  }

  protected answered(answer: unknown): Bytes {
    const { native, number, scope } = this;
    // A forgotten `return` must not delete what is there.
    if (answer === undefined) throw invalid("value", "the function answered undefined: answer a value, KEEP or DELETE");
    this.#answer = answer;
    if (answer === KEEP) return native.keep(number, scope);
    if (answer === DELETE) return native.answer(number, scope, undefined);
    return native.answer(number, scope, this.cells.codec.encode(answer));
  }

  protected result(): Updated {
    const { cells, version, attempt: attempts, changed, spec } = this;
    if (changed && Number.isFinite(spec.raw?.expireIn)) cells.space.timer.limited();
    return { value: this.#now(), version, attempts, changed };
  }

  /** What the cell holds now. */
  #now(): unknown {
    switch (this.#answer) {
      case DELETE:
        return undefined;
      case KEEP:
        // Not what the function was given: it may have changed that.
        return this.bytes ? this.cells.codec.decode(this.bytes) : undefined;
      default:
        return this.#answer;
    }
  }
}
