/**
 * One watch, as the code for cells runs it.
 *
 * @internal
 */

import type { Cells } from "./cells.js";
import type { Entry } from "./entry.js";
import type { Running } from "./later.js";
import { Outcome } from "./native.js";
import { CellLane, type NativeCells, type RawEntry } from "./native_cells.js";
import { type Abortable, forget, listen } from "./signals.js";

/** A watch that was never ended and that nobody can reach: its part in the core goes too. */
const forgotten = new FinalizationRegistry<{ native: NativeCells; number: number; ending: Ending | undefined }>(
  ({ native, number, ending }) => {
    native.endWatch(number);
    ending?.forget();
  },
);

/** Ends a watch when its signal is aborted. It does not keep the watch, since a signal may outlive all who read. */
class Ending implements Abortable {
  readonly #watching: WeakRef<Watching>;
  readonly #signal: AbortSignal;

  constructor(watching: Watching, signal: AbortSignal) {
    this.#watching = new WeakRef(watching);
    this.#signal = signal;
    listen(signal, this);
  }

  abort(): void {
    this.#watching.deref()?.end();
  }

  forget(): void {
    forget(this.#signal, this);
  }
}

/** Begun, and not ended yet. */
export class Watching implements Running<Entry[]> {
  readonly #cells: Cells;
  readonly #native: NativeCells;
  readonly #number: number;
  readonly #ending: Ending | undefined;
  /** What is watched, to say which of it is refused. */
  readonly #given: readonly [what: string, keys: unknown];
  #ended = false;
  /** What ends the wait that is under way. */
  #wake: (() => void) | undefined;
  /** The call of `next` before this one: they are answered one after another. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(
    cells: Cells,
    native: NativeCells,
    number: number,
    signal: AbortSignal | undefined,
    given: readonly [what: string, keys: unknown],
  ) {
    this.#cells = cells;
    this.#native = native;
    this.#number = number;
    this.#given = given;
    this.#ending = signal === undefined ? undefined : new Ending(this, signal);
    forgotten.register(this, { native, number, ending: this.#ending }, this);
    if (signal?.aborted) this.end();
  }

  /** The next state. */
  next(): Promise<IteratorResult<Entry[], undefined>> {
    const next = this.#before.then(() => this.#next());
    this.#before = next.catch(() => undefined);
    return next;
  }

  /** Ends it: the wait that is under way is done, and so are all later ones. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ending?.forget();
    forgotten.unregister(this);
    this.#native.endWatch(this.#number);
    this.#wake?.();
  }

  async #next(): Promise<IteratorResult<Entry[], undefined>> {
    while (!this.#ended) {
      const { space } = this.#cells;
      let told = 0;
      const changed = new Promise<void>((resolve) => {
        told = space.watches.add(() => resolve());
      });
      const raw = this.#native.nextOf(this.#number, told);
      if (raw) {
        space.watches.take(told);
        return { value: this.#read(raw), done: false };
      }
      if (space.native.scratch[CellLane.Outcome] === Outcome.Failed) {
        const error = this.#cells.refusal([this.#given]);
        space.watches.take(told);
        this.end();
        throw error;
      }
      // A cell of those may expire.
      space.timer.limited();
      await this.#wait(changed, told);
    }
    return { value: undefined, done: true };
  }

  #read(raw: RawEntry[]): Entry[] {
    try {
      return raw.map((entry) => this.#cells.entry(entry));
    } catch (error) {
      // A loop over it is left without a word.
      this.end();
      throw error;
    }
  }

  /** Waits for a change or the end. Meanwhile the process stays where another thread can make the change. */
  async #wait(changed: Promise<void>, told: number): Promise<void> {
    const { space } = this.#cells;
    const stays = this.#native.awaits(space.handle);
    const ended = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([changed, ended]);
    this.#wake = undefined;
    space.watches.take(told);
    if (stays) this.#native.awaited();
  }
}
