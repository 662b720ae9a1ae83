/**
 * One call of `update` or `transact`: runs the body when the core says so and tells how it ended, until there is an outcome.
 *
 * It belongs to the async context of its caller (clause L18): what others do only lets it go on, and it goes on by itself. As long
 * as nothing has to be waited for, it runs within the call.
 *
 * @internal
 */

import { endScope, type Spec } from "./call_spec.js";
import type { Cells } from "./cells.js";
import type { LatchworkError } from "./error.js";
import { keyOf } from "./key.js";
import type { RawStale } from "./native.js";
import { CallLane, type NativeCalls, Step } from "./native_calls.js";
import { settle } from "./settle.js";
import { type Abortable, forget, listen } from "./signals.js";

/** The bytes of a cell, as the border answers them. */
export type Bytes = Uint8Array | null | undefined;

/** A call, which comes to an `R`. */
export abstract class Call<R> implements Abortable {
  /** By what numbers the core knows the call, and the body that runs now. */
  number = 0;
  scope = 0;
  /** Which attempt runs, or how many have run. */
  attempt = 0;
  /** Whether there is an outcome: whatever happens from now on, and whatever the body does, is of no account. */
  over = false;

  /** With `Run`, the cell of an update; with `Done`, what the commit came to. */
  protected bytes: Bytes;
  protected version = 0;
  protected expiresIn = 0;
  protected changed = false;
  protected callbacks: readonly number[] = [];

  #result: R | undefined;
  /** What the body threw last, and why the core has ended the call. */
  #thrown: unknown;
  #error: LatchworkError | undefined;
  /** Why it has ended otherwise than by what its body did. */
  #early: { readonly reason: unknown } | undefined;
  #resolve: ((result: R) => void) | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  /** Whether the body runs, and what it has answered where that is a promise. */
  #runs = false;
  #pending: PromiseLike<unknown> | undefined;
  /** By what number it is told that it can go on; whether it is known by it, whether it was told, and what ends the wait for it. */
  #tell = 0;
  #isKnown = false;
  #isTold = false;
  #wake: (() => void) | undefined;
  /** Whether the process stays because of it. */
  #stays = false;

  constructor(
    readonly cells: Cells,
    readonly native: NativeCalls,
    readonly spec: Spec,
  ) {}

  /** Has the core begin. */
  protected abstract begin(tell: number): Bytes;
  /** Runs the body. */
  protected abstract body(): unknown;
  /** Tells the core what the body answered; throws where it cannot be. */
  protected abstract answered(answer: unknown): Bytes;
  /** What the call answers. */
  protected abstract result(): R;

  /** The error of the core, as it is told the caller. */
  protected failed(error: LatchworkError): LatchworkError {
    return error;
  }

  /** Makes the call. Answers what it came to, or a promise where it has to wait for something. */
  run(): R | Promise<R> {
    const { raw, signal, timed } = this.spec;
    const { space } = this.cells;
    this.#tell = ++space.watches.last;
    // Without options, and with no other thread, it is told nothing before it has a turn or waits.
    if (raw !== undefined || space.url !== undefined) this.#know();
    if (signal !== undefined) listen(signal, this);
    const bytes = this.begin(this.#tell);
    this.number = space.native.scratch[CallLane.Call] as number;
    if (timed) {
      // Now that the core has its deadline: it ends then, whatever its body does.
      space.timer.added();
      this.#hold();
    }
    return this.#advance(this.#read(bytes)) ? (this.#result as R) : this.#later();
  }

  /** The signal was aborted. */
  abort(reason: unknown): void {
    if (this.over) return;
    this.native.cancel(this.number);
    this.#isOver();
    this.#early = { reason };
    settle(this.cells.space);
    this.#endEarly();
  }

  /** Goes on until something has to be waited for. Answers whether there is a result; throws where it is an error. */
  #advance(step: Step): boolean {
    for (let next: Step | undefined = step; next !== undefined; ) {
      if (this.#early !== undefined) throw this.#early.reason;
      switch (next) {
        case Step.Wait:
          return false;
        case Step.Run:
          next = this.#runBody();
          break;
        case Step.Done:
          this.#end();
          this.#result = this.result();
          return true;
        case Step.Threw:
          this.#end();
          throw this.#thrown;
        default:
          this.#end();
          throw this.failed(this.#error as LatchworkError);
      }
    }
    return false;
  }

  /** Goes on whenever it can. */
  #later(): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      // What it did within the call may have ended it.
      if (this.#early !== undefined) reject(this.#early.reason);
      this.#goOn();
    });
  }

  /** Waits for the end of the body, or to be told; then it goes on. One reaction, and no promise for each step on the way. */
  #goOn(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) {
      this.#toBeTold().then((step) => this.#resume(() => step), this.#reject);
      return;
    }
    // As `await` does it: a `then` that somebody has put on a promise is of no account.
    Promise.prototype.then.call(
      Promise.resolve(pending),
      (answer) => this.#resume(() => this.#answer(answer)),
      (error) => this.#resume(() => this.#threw(error)),
    );
  }

  #resume(next: () => Step): void {
    try {
      if (this.#advance(next())) this.#resolve?.(this.#result as R);
      else this.#goOn();
    } catch (error) {
      this.#reject?.(error);
    }
  }

  /** Runs the body. Answers the next step, nothing where it is to be waited for. */
  #runBody(): Step | undefined {
    this.#runs = true;
    // It may have been told before there was anything that it could end.
    if (this.#isTold) this.#look();
    if (this.over) return Step.Wait;
    let answer: unknown;
    try {
      const { ambient } = this.cells.space;
      const { owner } = this.spec;
      answer = ambient === undefined || owner === undefined ? this.body() : ambient.runAs(owner, () => this.body());
      if (isThenable(answer)) {
        this.#pending = answer;
        return undefined;
      }
    } catch (error) {
      return this.#threw(error);
    }
    return this.#answer(answer);
  }

  #answer(answer: unknown): Step {
    if (this.over) return Step.Wait;
    let bytes: Bytes;
    try {
      bytes = this.answered(answer);
    } catch (error) {
      return this.#threw(error);
    }
    return this.#read(bytes);
  }

  #threw(error: unknown): Step {
    if (this.over) return Step.Wait;
    this.#thrown = error;
    return this.#read(this.native.threw(this.number, this.scope));
  }

  /** Takes what a step is, before it settles what that settled: then others run, and can do anything (see `Call` in the core). */
  #read(bytes: Bytes): Step {
    const { space } = this.cells;
    const { scratch } = space.native;
    const step = scratch[CallLane.Step] as Step;
    const settled = scratch[CallLane.Settled] !== 0;
    if (step === Step.Run || step === Step.Done) {
      this.bytes = bytes;
      this.attempt = scratch[CallLane.Attempt] as number;
      this.scope = scratch[CallLane.Scope] as number;
      this.version = scratch[CallLane.Version] as number;
      this.expiresIn = scratch[CallLane.ExpiresIn] as number;
      this.changed = scratch[CallLane.Changed] === 1;
      if (step === Step.Done && scratch[CallLane.Callbacks] !== 0) this.callbacks = this.native.callbacks();
    } else if (step === Step.Failed) {
      this.#error = withConflicts(this.cells.refusal(this.spec.given));
    }
    this.#runs = false;
    if (step >= Step.Done) this.#isOver();
    else if (step === Step.Wait || scratch[CallLane.InTurn] === 1) this.#know();
    if (settled) settle(space);
    return step;
  }

  /** Waits until it can go on. */
  async #toBeTold(): Promise<Step> {
    const { space } = this.cells;
    if (!this.#isTold) {
      // A cell may expire that it waits for.
      space.timer.limited();
      this.#hold();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      if (!this.spec.timed) this.#letGo();
    }
    this.#isTold = false;
    return this.over ? Step.Wait : this.#read(this.native.goOn(this.number));
  }

  /** From now on it may be told. */
  #know(): void {
    if (!this.#isKnown) this.cells.space.watches.add(this.#told, this.#tell);
    this.#isKnown = true;
  }

  /** It can go on. `ended`: the space is closed, of which the core tells those by itself who are to know at once. */
  readonly #told = (ended?: boolean): void => {
    if (this.over || (ended && this.#runs)) return;
    // It can come again.
    this.#isKnown = false;
    this.#know();
    this.#isTold = true;
    if (this.#runs) this.#look();
    else this.#wake?.();
  };

  /** Looks whether the call has ended while its body runs (clause C8). */
  #look(): void {
    // What this settles may be that it has ended.
    do {
      this.#isTold = false;
      if (this.#read(this.native.goOn(this.number)) === Step.Failed) {
        this.#early = { reason: this.failed(this.#error as LatchworkError) };
        this.#endEarly();
        return;
      }
      this.#runs = !this.over;
    } while (this.#isTold && this.#runs);
  }

  /** There is an outcome; it is no call any more. */
  #isOver(): void {
    this.over = true;
    this.number = 0;
    this.#runs = false;
  }

  #endEarly(): void {
    this.#end();
    this.#reject?.(this.#early?.reason);
    this.#wake?.();
  }

  /** Gives back what it had, once all is settled. */
  #end(): void {
    const { space } = this.cells;
    const { signal, timed } = this.spec;
    if (this.#isKnown) space.watches.take(this.#tell);
    this.#letGo();
    if (timed) space.timer.gone();
    if (signal !== undefined) forget(signal, this);
    endScope(this.spec);
  }

  /** Has the process stay where another thread, or the clock that threads share, is to let it go on. */
  #hold(): void {
    if (!this.#stays) this.#stays = this.cells.native.awaits(this.cells.space.handle);
  }

  #letGo(): void {
    if (this.#stays) this.cells.native.awaited();
    this.#stays = false;
  }
}

/** The error of a call; its keys as callers have keys. */
function withConflicts(error: LatchworkError): LatchworkError {
  const conflicts = error.conflicts?.map((stale) => ({ ...stale, key: keyOf((stale as RawStale).key) }));
  return conflicts === undefined ? error : Object.assign(error, { conflicts });
}

function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  if (answer instanceof Promise) return true;
  if ((typeof answer !== "object" && typeof answer !== "function") || answer === null) return false;
  return typeof (answer as { then?: unknown }).then === "function";
}
