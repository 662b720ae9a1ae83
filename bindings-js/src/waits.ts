/**
 * The requests of one space that wait, and the promises that their callers have.
 *
 * @internal
 */

import { type Asked, isLimited, isTimed, saidBy } from "./asked.js";
import { takeError } from "./error.js";
import { aim, Guard, takeHanded } from "./guard.js";
import { Lane, Outcome } from "./native.js";
import { settle } from "./settle.js";
import { type Abortable, forget, listen } from "./signals.js";
import type { Space } from "./space.js";

/** Generations fit into 31 bits. */
const GENERATIONS = 0x7fffffff;

/** Where waiters are kept until they are settled. A slot and a generation name one. */
export class Waits {
  /** Where the next waiter will be. */
  slot = 0;
  /** The generation of the next waiter. */
  generation = 0;
  readonly #waiters: (Waiter | undefined)[] = [];
  readonly #free: number[] = [];

  /** Keeps a waiter in the slot that the request was sent with. */
  add(waiter: Waiter): void {
    waiter.slot = this.slot;
    waiter.generation = this.generation;
    this.#waiters[this.slot] = waiter;
    this.slot = this.#free.pop() ?? this.#waiters.length;
    this.generation = (this.generation + 1) & GENERATIONS;
  }

  /** Takes out the waiter that an outcome is for. */
  take(slot: number, generation: number): Waiter | undefined {
    const waiter = this.#waiters[slot];
    if (waiter === undefined || waiter.generation !== generation) return undefined;
    this.#waiters[slot] = undefined;
    this.#free.push(this.slot);
    this.slot = slot;
    if (waiter.timed) waiter.space.timer.gone();
    return waiter;
  }
}

let resolveNew: (guard: Guard | undefined) => void;
let rejectNew: (reason: unknown) => void;

/** One function for all promises: a closure for each would cost as much as the promise. */
function capture(resolve: (guard: Guard | undefined) => void, reject: (reason: unknown) => void): void {
  resolveNew = resolve;
  rejectNew = reject;
}

/** One request that waits. */
export class Waiter {
  slot = 0;
  generation = 0;
  /** Whether the timer of the space may end its wait. */
  readonly timed: boolean;
  /** The grant, once there is one. */
  grant: Guard | undefined = undefined;
  /**
   * Settled with the request: with its guard, or where it is `scoped` with nothing. A promise that is given an object looks
   * for its `then`, which costs as much as the promise.
   */
  readonly promise: Promise<Guard | undefined>;
  protected readonly fulfil: (guard: Guard | undefined) => void;
  protected readonly refuse: (reason: unknown) => void;

  constructor(
    readonly space: Space,
    readonly asked: Asked,
    readonly scoped: boolean,
  ) {
    this.timed = space.timer.ends || isTimed(asked);
    this.promise = new Promise(capture);
    this.fulfil = resolveNew;
    this.refuse = rejectNew;
  }

  /** The request holds its keys now. */
  granted(place: number, number: number, token: number, abandoned: boolean): void {
    const guard = new Guard(this.space, this.asked, place, number, token, abandoned);
    // Only a request of an owner can be resolved by what another one hands over.
    if (saidBy(this.asked)?.owner !== undefined) takeHanded(guard);
    if (isLimited(this.asked)) this.space.timer.limited();
    this.grant = guard;
    this.fulfil(this.scoped ? undefined : guard);
  }

  /** The request has ended without its keys. */
  failed(reason: unknown): void {
    this.refuse(reason);
  }
}

/**
 * A request that waits and that a signal can withdraw (clause L7).
 *
 * Its grant is put off by one microtask; an abort before that wins, and the keys go on to the next in line.
 */
export class AbortableWaiter extends Waiter implements Abortable {
  readonly #signal: AbortSignal;
  /** Of the request, and from its grant on of what was granted: another one, where it was handed over. */
  place: number;
  number: number;
  #ended = false;
  /** Aborted, and it was not yet known what the request had come to. */
  #withdrawn: { reason: unknown } | undefined;

  constructor(space: Space, asked: Asked, scoped: boolean, signal: AbortSignal, place: number, number: number) {
    super(space, asked, scoped);
    this.#signal = signal;
    this.place = place;
    this.number = number;
    listen(signal, this);
  }

  override granted(place: number, number: number, token: number, abandoned: boolean): void {
    this.place = place;
    this.number = number;
    queueMicrotask(() => this.#claim(token, abandoned));
  }

  override failed(reason: unknown): void {
    this.#ended = true;
    forget(this.#signal, this);
    super.failed(reason);
  }

  /** The signal was aborted. */
  abort(reason: unknown): void {
    if (this.#ended) return;
    const { waits } = this.space;
    if (this.#call("cancel") === Outcome.Refused) {
      // It has failed otherwise, or another thread has handed it a grant; that is still to be heard of.
      this.#withdrawn = { reason };
    } else {
      waits.take(this.slot, this.generation);
      this.failed(reason);
    }
    settle(this.space);
  }

  /** The microtask is over: the grant is the caller's, unless it was taken away meanwhile. */
  #claim(token: number, abandoned: boolean): void {
    if (this.#ended) return;
    if (this.#withdrawn !== undefined) {
      this.#call("cancel");
      this.failed(this.#withdrawn.reason);
    } else if (this.#call("confirm") === Outcome.Granted) {
      this.#ended = true;
      forget(this.#signal, this);
      super.granted(this.place, this.number, token, abandoned);
    } else {
      this.failed(takeError(this.space.native));
    }
    settle(this.space);
  }

  #call(what: "cancel" | "confirm"): number | undefined {
    const native = aim(this);
    native[what]();
    return native.scratch[Lane.Outcome];
  }
}
