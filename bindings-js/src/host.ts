/**
 * The host's side: how the native part is started.
 *
 * @internal
 */

import { Lane, type Native } from "./native.js";
import { settle } from "./settle.js";

let host: (() => Native | Promise<Native>) | undefined;
let native: Native | undefined;
let starting: Promise<Native> | undefined;

/** Names the host's native part. Each package does so once; it is started at the first use. */
export function connect(start: () => Native | Promise<Native>): void {
  host = start;
}

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
