/**
 * Owners that are found by where a call is made (the option `ambientOwner` of `open`).
 *
 * @internal
 */

import { KeySet } from "./asked.js";
import type { Guard } from "./guard.js";
import type { AsyncContext } from "./host.js";
import type { Owner } from "./owner.js";
import type { Body } from "./scope.js";

/** The owner of the body that runs. */
export class AmbientOwner {
  readonly #context: AsyncContext<Owner>;

  constructor(context: AsyncContext<Owner>) {
    this.#context = context;
  }

  /** The same request, as one of that owner where it names none; a task that outlives its body has none. */
  request(asked: KeySet): KeySet {
    if (asked.owner !== undefined) return asked;
    const owner = this.#context.getStore();
    if (owner === undefined || owner.closed) return asked;
    const { exclusive, shared, label, maxHold, timeout, signal, more } = asked;
    return new KeySet(exclusive, shared, label, owner, maxHold, timeout, signal, more);
  }

  /** Runs a body as that of the guard's owner; a space that is closed gives it none. */
  run<T>(guard: Guard, body: Body<T>): T | PromiseLike<T> {
    const { owner } = guard;
    return owner === undefined ? body(guard) : this.#context.run(owner, () => body(guard));
  }
}
