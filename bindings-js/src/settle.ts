/**
 * Brings what a call settled to the promises that wait for it.
 *
 * A releasing call comes back with the grants that follow from it, so that no wake crosses a thread or a loop. They are
 * settled in a loop, never by recursion: resolving a promise runs no code of the caller's before the turn ends.
 *
 * @internal
 */

import { type LatchworkError, takeError } from "./error.js";
import { Entry, Lane, type Native, Outcome, SETTLED_MAX, whole } from "./native.js";
import type { Space } from "./space.js";

/** The open spaces of this thread, by their handles. */
const spaces = new Map<number, Space>();
/** The one that was looked for last: usually the same again. */
let latest: Space | undefined;

/** From now on outcomes are brought to the waiters of this space. */
export function opened(space: Space): void {
  spaces.set(space.handle, space);
}

/** The opposite of {@link opened}. */
export function closed(space: Space): void {
  spaces.delete(space.handle);
  latest = undefined;
}

/** What a call was of: a space, or what is left of one that was closed. */
type Called = Pick<Space, "native" | "handle">;

/** Settles what the last call reported, and fetches the rest where there is more. */
export function settle({ native, handle }: Called): void {
  for (;;) {
    const count = native.scratch[Lane.Settled] as number;
    for (let index = 0; index < count; index++) settleOne(native, Lane.First + index * Entry.Size);
    if (count < SETTLED_MAX) break;
    native.scratch[Lane.Handle] = handle;
    native.drain();
  }
  if (told.length > 0) tellAll();
}

/** The error of a call that failed, once what it settled is settled. */
export function failureOf(space: Called): LatchworkError {
  const error = takeError(space.native);
  settle(space);
  return error;
}

/** What watches are to be told. It can run code of the caller's, so it waits until the scratch is read. */
let told: (() => void)[] = [];

function tellAll(): void {
  const all = told;
  told = [];
  for (const tell of all) tell();
}

function settleOne(native: Native, at: number): void {
  // Read before anything is called: a call may replace the scratch or write to it.
  const { scratch } = native;
  const handle = scratch[at + Entry.Handle] as number;
  const slot = whole(scratch[at + Entry.Slot]);
  const generation = whole(scratch[at + Entry.Generation]);
  const place = whole(scratch[at + Entry.Place]);
  const number = whole(scratch[at + Entry.Number]);
  const token = whole(scratch[at + Entry.Token]);
  const outcome = scratch[at + Entry.Outcome];
  if (latest?.handle !== handle) latest = spaces.get(handle);
  // Lost, HandedOver, Changed.
  if ((outcome as Outcome) >= Outcome.Lost) {
    const tell = latest?.watches.take(slot);
    if (tell !== undefined) told.push(tell);
    return;
  }
  // None: withdrawn after it was settled and before this thread was told; its keys have gone on.
  const waiter = latest?.waits.take(slot, generation);
  const error = outcome === Outcome.Failed ? takeError(waiter?.space.native ?? native) : undefined;
  if (waiter === undefined) return;
  if (error === undefined) waiter.granted(place, number, token, outcome === Outcome.Abandoned);
  else waiter.failed(error);
}
