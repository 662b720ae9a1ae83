/**
 * One listener for each signal, however many requests it stands for: hosts warn of more than ten, and many requests may
 * well share one signal.
 *
 * @internal
 */

/** What a signal can abort. */
export interface Abortable {
  abort(reason: unknown): void;
}

const listening = new WeakMap<AbortSignal, Set<Abortable>>();

/** Calls `abort` once when the signal is aborted, unless {@link forget} came first. */
export function listen(signal: AbortSignal, abortable: Abortable): void {
  let all = listening.get(signal);
  if (all === undefined) {
    all = new Set();
    listening.set(signal, all);
    signal.addEventListener("abort", onAbort);
  }
  all.add(abortable);
}

/** The signal does not concern it any more. */
export function forget(signal: AbortSignal, abortable: Abortable): void {
  const all = listening.get(signal);
  if (all?.delete(abortable) && all.size === 0) stop(signal);
}

function onAbort(this: AbortSignal): void {
  const all = listening.get(this) as Set<Abortable>;
  stop(this);
  for (const abortable of all) abortable.abort(this.reason);
}

function stop(signal: AbortSignal): void {
  listening.delete(signal);
  signal.removeEventListener("abort", onAbort);
}
