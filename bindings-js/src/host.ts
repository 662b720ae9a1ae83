/**
 * The host's side: how the native part is started.
 *
 * @internal
 */

import type { Native } from "./native.js";

/** What goes along with asynchronous calls: `AsyncLocalStorage` of Node. */
export interface AsyncContext<T> {
  run<R>(value: T, call: () => R): R;
  getStore(): T | undefined;
}

let host: () => Native | Promise<Native>;
let native: Promise<Native> | undefined;

/** Names the host's native part. Each package does so once; it is started at the first use. */
export function connect(start: () => Native | Promise<Native>, context?: <T>() => AsyncContext<T>): void {
  host = start;
  newContext = context;
}

/** Makes what goes along with asynchronous calls; undefined where the host has nothing of the kind. */
export let newContext: (<T>() => AsyncContext<T>) | undefined;

/** The native part, started where it was not. A start that failed is tried again at the next call. */
export function started(): Promise<Native> {
  native ??= begin().catch((error) => {
    native = undefined;
    throw error;
  });
  return native;
}

async function begin(): Promise<Native> {
  return host();
}
