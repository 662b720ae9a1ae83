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

  /** The owner; a task that outlives its body has none. */
  owner(): Owner | undefined {
    const owner = this.#context.getStore();
    return owner?.closed ? undefined : owner;
  }

  /** The same request, as one of that owner where it names none. */
  request(asked: KeySet): KeySet {
    if (asked.owner !== undefined) return asked;
    const owner = this.owner();
    if (owner === undefined) return asked;
    const { exclusive, shared, label, maxHold, timeout, signal, more } = asked;
    return new KeySet(exclusive, shared, label, owner, maxHold, timeout, signal, more);
  }

  /** Runs a body as that of the guard's owner; a space that is closed gives it none. */
  run<T>(guard: Guard, body: Body<T>): T | PromiseLike<T> {
    const { owner } = guard;
    return owner === undefined ? body(guard) : this.runAs(owner, () => body(guard));
  }

  /** Runs a body as that of this owner. */
  runAs<T>(owner: Owner, body: () => T): T {
    return this.#context.run(owner, body);
  }
}
