import type { Lock, LockMode } from "./lock.js";
import { toText } from "./web_idl.js";

/** What runs while a lock is held: until what it answers has settled. */
export type LockGrantedCallback<T> = (lock: Lock | null) => T;

/** What `request` can be told besides the name. */
export interface LockOptions {
  /** Exclusive where it is not given. */
  mode?: LockMode | undefined;
  /** Granted at once or not at all: then the callback runs with null. */
  ifAvailable?: boolean | undefined;
  /** Takes the lock away from whoever holds it, before all who are queued for it. A remedy, not a way to work. */
  steal?: boolean | undefined;
  /** Withdraws the request when it is aborted before the callback runs. */
  signal?: AbortSignal | undefined;
}

/**
 * The arguments of `request`, checked.
 *
 * @internal
 */
export interface RequestArguments {
  readonly name: string;
  readonly mode: LockMode;
  readonly ifAvailable: boolean;
  readonly steal: boolean;
  readonly signal: AbortSignal | undefined;
  readonly callback: LockGrantedCallback<unknown>;
}

/**
 * Checks the arguments of `request`: first what the types of the web's interfaces ask for, argument by argument and the
 * options in the order of their names, with a `TypeError`; then what the method's own steps refuse.
 *
 * @internal
 */
export function requestArguments(given: readonly unknown[]): RequestArguments {
  if (given.length < 2) throw new TypeError(`a name and a callback are needed, not ${given.length} arguments`);
  const name = toText(given[0]);
  const options = optionsOf(given.length === 2 ? undefined : given[1]);
  const callback = given.length === 2 ? given[1] : given[2];
  if (typeof callback !== "function") throw new TypeError("callback must be a function");
  refuseUnsupported(name, options);
  if (options.signal?.aborted) throw options.signal.reason;
  return { name, ...options, callback: callback as LockGrantedCallback<unknown> };
}

type Options = Omit<RequestArguments, "name" | "callback">;

function optionsOf(given: unknown): Options {
  if (given !== undefined && given !== null && typeof given !== "object" && typeof given !== "function") {
    throw new TypeError("options must be an object");
  }
  const options = (given ?? {}) as Record<keyof LockOptions, unknown>;
  const ifAvailable = Boolean(options.ifAvailable);
  const mode = modeOf(options.mode);
  const signal = signalOf(options.signal);
  const steal = Boolean(options.steal);
  return { mode, ifAvailable, steal, signal };
}

function modeOf(given: unknown): LockMode {
  if (given === undefined) return "exclusive";
  const mode = toText(given);
  if (mode !== "exclusive" && mode !== "shared") throw new TypeError('mode must be "exclusive" or "shared"');
  return mode;
}

/** The getter itself tells a signal, also one of another realm, from what only looks like one. */
const aborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")?.get as (this: unknown) => boolean;

function signalOf(given: unknown): AbortSignal | undefined {
  if (given === undefined) return undefined;
  try {
    aborted.call(given);
  } catch {
    throw new TypeError("signal must be an AbortSignal");
  }
  return given as AbortSignal;
}

function refuseUnsupported(name: string, { mode, ifAvailable, steal, signal }: Options): void {
  if (name.startsWith("-")) throw notSupported("names that begin with - are reserved");
  if (steal && ifAvailable) throw notSupported("steal and ifAvailable exclude each other");
  if (steal && mode !== "exclusive") throw notSupported("steal is for the exclusive mode");
  if (signal !== undefined && (steal || ifAvailable)) {
    throw notSupported("a signal is for requests that can wait, without steal and ifAvailable");
  }
}

function notSupported(why: string): DOMException {
  return new DOMException(why, "NotSupportedError");
}
