import { type Asked, keysOf, labelOf } from "./asked.js";
import { LatchworkError, raise, takeError } from "./error.js";
import { type Inspect, inspected } from "./inspect.js";
import { describe, type Key, keyOf } from "./key.js";
import { Lane, Outcome } from "./native.js";
import { settle } from "./settle.js";
import type { Space } from "./space.js";

/**
 * A lock that is held: from `lock`, `tryLock`, or inside `withLock`.
 *
 * It holds its keys until `release`, until it is disposed (`using guard = await space.lock(…)`), or until its space is
 * closed. A guard that is forgotten without any of these **keeps its keys for ever**, and so does a promise of one that
 * nobody awaits: there is no finaliser, since one would cost more than the lock does, and would free locks whenever garbage
 * happens to be collected. Prefer `withLock` or `using`.
 */
export class Guard implements Disposable, AsyncDisposable {
  /** The space that it belongs to. */
  readonly space: Space;
  /**
   * The fencing token: larger than that of every earlier grant of any of its keys that is incompatible with it.
   *
   * Tokens begin anew in each life of a space: what is outside keeps `space.epoch` beside it, and compares the epoch first.
   */
  readonly token: number;
  /**
   * Whether a holder of one of its keys went away without releasing it while this request was queued: its worker thread
   * ended. What the keys protect may be half done.
   */
  readonly abandoned: boolean;
  /** @internal */
  readonly asked: Asked;
  /** @internal */
  readonly place: number;
  /** @internal */
  readonly number: number;
  /** @internal */
  released = false;
  /** @internal */
  keySet: { keys: readonly Key[]; shared: readonly Key[] } | undefined = undefined;

  /** @internal */
  constructor(space: Space, asked: Asked, place: number, number: number, token: number, abandoned: boolean) {
    this.space = space;
    this.asked = asked;
    this.place = place;
    this.number = number;
    this.token = token;
    this.abandoned = abandoned;
  }

  /** The keys held exclusively, each once, in the order asked. */
  get keys(): readonly Key[] {
    this.keySet ??= keySetOf(this.space, this.asked);
    return this.keySet.keys;
  }

  /** The keys held in shared mode, each once, in the order asked. A key asked for in both modes is exclusive. */
  get shared(): readonly Key[] {
    this.keySet ??= keySetOf(this.space, this.asked);
    return this.keySet.shared;
  }

  /** The label that the request gave itself. */
  get label(): string | undefined {
    return labelOf(this.asked);
  }

  /** Whether it still holds its keys. */
  get held(): boolean {
    return !this.released && !this.space.closed;
  }

  /**
   * Gives the keys back. They have gone on to the next in line when this returns.
   *
   * @throws {LatchworkError} `not_held` where they are not held any more. Nothing changes then.
   */
  release(): void {
    const { space } = this;
    const { native } = space;
    const { scratch } = native;
    scratch[Lane.Handle] = space.handle;
    scratch[Lane.Place] = this.place;
    scratch[Lane.Number] = this.number;
    native.release();
    if (native.scratch[Lane.Outcome] === Outcome.Failed) {
      const { code, message } = takeError(native);
      settle(native, space.handle);
      const keys = [...this.keys, ...this.shared];
      throw new LatchworkError(code, `${message}: keys=[${keys.map(describe).join(", ")}]`, { keys });
    }
    this.released = true;
    if (native.scratch[Lane.Settled] !== 0) settle(native, space.handle);
  }

  /** Releases the keys where they are still held; nothing where they are not. */
  [Symbol.dispose](): void {
    if (this.held) this.release();
  }

  /** Releases the keys where they are still held, and waits until that took effect. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  /** What a debugger or log of Node shows. */
  [Symbol.for("nodejs.util.inspect.custom")](_depth: number, options: unknown, inspect?: Inspect): unknown {
    const { keys, shared, label, token, held, abandoned } = this;
    const shown = {
      keys,
      ...(shared.length > 0 && { shared }),
      ...(label !== undefined && { label }),
      token,
      held,
      ...(abandoned && { abandoned }),
    };
    return inspected("Guard", shown, options, inspect);
  }
}

/** The keys of a request, as the core tells them. */
function keySetOf({ native }: Space, asked: Asked): { keys: readonly Key[]; shared: readonly Key[] } {
  if (typeof asked === "string") return { keys: Object.freeze([asked]), shared: Object.freeze([]) };
  const [exclusive, shared] = keysOf(asked);
  const set = native.keySet(exclusive, shared) ?? raise(native);
  return { keys: Object.freeze(set.keys.map(keyOf)), shared: Object.freeze(set.shared.map(keyOf)) };
}
