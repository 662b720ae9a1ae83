import { asInterface } from "./web_idl.js";

/** How a lock is held: exclusive is compatible with nothing, shared with shared. */
export type LockMode = "exclusive" | "shared";

const OWN = Symbol();

/**
 * Makes a lock for a callback.
 *
 * @internal
 */
export let makeLock: (name: string, mode: LockMode) => Lock;

/** A lock that was granted, as the callback of `request` gets it. It is held until what the callback answers has settled. */
export class Lock {
  readonly #name: string;
  readonly #mode: LockMode;

  private constructor(...[own, name, mode]: [typeof OWN, string, LockMode]) {
    if (own !== OWN) throw new TypeError("a lock cannot be constructed; request one");
    this.#name = name;
    this.#mode = mode;
  }

  /** The name that was asked for. */
  get name(): string {
    return this.#name;
  }

  /** The mode that was asked for. */
  get mode(): LockMode {
    return this.#mode;
  }

  static {
    makeLock = (name, mode) => new Lock(OWN, name, mode);
  }
}

asInterface(Lock, "Lock", ["name", "mode"]);
