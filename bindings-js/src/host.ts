/**
 * The host's side: how the native part is started.
 *
 * @internal
 */

import { Lane, type Native } from "./native.js";
import { settle } from "./settle.js";

/** What goes along with asynchronous calls: `AsyncLocalStorage` of Node. */
export interface AsyncContext<T> {
  run<R>(value: T, call: () => R): R;
  getStore(): T | undefined;
}

let host: (() => Native | Promise<Native>) | undefined;
let native: Native | undefined;
let starting: Promise<Native> | undefined;

/** Names the host's native part. Each package does so once; it is started at the first use. */
export function connect(start: () => Native | Promise<Native>, context?: <T>() => AsyncContext<T>): void {
  host = start;
  newContext = context;
}

/** Makes what goes along with asynchronous calls; undefined where the host has nothing of the kind. */
export let newContext: (<T>() => AsyncContext<T>) | undefined;

/** The native part, started where it was not. A start that failed is tried again at the next call. */
export function started(): Native | Promise<Native> {
  if (native !== undefined) return native;
  starting ??= begin().finally(() => {
    starting = undefined;
  });
  return starting;
}

async function begin(): Promise<Native> {
  if (host === undefined) throw new Error("no host is connected");
  const begun = await host();
  begun.onWake((handle) => {
    begun.scratch[Lane.Handle] = handle;
    begun.drain();
    settle(begun, handle);
  });
  native = begun;
  return begun;
}
