import { type Asked, keysOf, labelOf, ownerOf } from "./asked.js";
import { LatchworkError, raise, takeError } from "./error.js";
import { describe, type Key, keyOf } from "./key.js";
import { Lane, Outcome } from "./native.js";
import { numbered, Owner } from "./owner.js";
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
  /** @internal */
  readonly asked: Asked;
  /** @internal */
  readonly place: number;
  /** @internal */
  readonly number: number;
  /** @internal */
  state: number;
  /** @internal */
  more: More | undefined = undefined;

  /** @internal */
  constructor(space: Space, asked: Asked, place: number, number: number, token: number, abandoned: boolean) {
    this.space = space;
    this.asked = asked;
    this.place = place;
    this.number = number;
    this.token = token;
    this.state = abandoned ? State.Abandoned : 0;
  }

  /** The keys held exclusively, each once, in the order asked. */
  get keys(): readonly Key[] {
    return keySetOf(this).keys;
  }

  /** The keys held in shared mode, each once, in the order asked. A key asked for in both modes is exclusive. */
  get shared(): readonly Key[] {
    return keySetOf(this).shared;
  }

  /** The label that the request gave itself. */
  get label(): string | undefined {
    return labelOf(this.asked);
  }

  /**
   * The owner of the request. Inside `withLock`, where the request has none, one is made for the scope at the first look, and
   * closed when the scope ends: what it still holds is released then, what it waits for is cancelled. So a body takes further
   * locks as the same line of work: `guard.owner.lock(…)`.
   *
   * Undefined for a lock that is neither.
   */
  get owner(): Owner | undefined {
    const owner = Guard.ownerSoFar(this);
    if (owner !== undefined || (this.state & State.Scoped) === 0) return owner;
    return adopted(this);
  }

  /**
   * Whether a holder of one of its keys went away without releasing it while this request was queued: its worker thread
   * ended. What the keys protect may be half done.
   */
  get abandoned(): boolean {
    return (this.state & State.Abandoned) !== 0;
  }

  /** Whether it still holds its keys. */
  get held(): boolean {
    if ((this.state & State.Released) !== 0) return false;
    const { native } = this.space;
    aim(this);
    native.held();
    return native.scratch[Lane.Outcome] === Outcome.Granted;
  }

  /**
   * Gives the keys back. They have gone on to the next in line when this returns.
   *
   * @throws {LatchworkError} `not_held` where they are not held any more. Nothing changes then.
   */
  release(): void {
    const error = giveBack(this);
    if (error === undefined) return;
    const keys = [...this.keys, ...this.shared];
    const message = `${error.message}: keys=[${keys.map(describe).join(", ")}]`;
    throw new LatchworkError(error.code, message, { keys });
  }

  /** Releases the keys where they are still held; nothing where they are not. */
  [Symbol.dispose](): void {
    if ((this.state & State.Released) === 0) giveBack(this);
  }

  /** Releases the keys where they are still held, and waits until that took effect. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  /**
   * Its owner, where it has one already.
   *
   * @internal
   */
  static ownerSoFar(guard: Guard): Owner | undefined {
    return ownerOf(guard.asked) ?? guard.more?.owner;
  }

  /**
   * Its scope begins.
   *
   * @internal
   */
  static begin(guard: Guard): void {
    guard.state |= State.Scoped;
  }

  /**
   * Its scope ends: the lock is released, and the owner that was made for the scope is closed.
   *
   * @internal
   */
  static end(guard: Guard): void {
    guard.state &= ~State.Scoped;
    if ((guard.state & State.Released) === 0) giveBack(guard);
    if (guard.more?.owner !== undefined) Owner.end(guard.more.owner);
  }
}

/** What a guard is besides held or not: the core knows that. */
enum State {
  /** A holder of its keys went away without a word. */
  Abandoned = 1,
  /** Its scope has begun and not ended. */
  Scoped = 2,
  /** It was released through this object. */
  Released = 4,
}

/** What most guards do without. */
interface More {
  keySet?: { keys: readonly Key[]; shared: readonly Key[] };
  /** That of the scope. */
  owner?: Owner;
}

/** Releases; answers why not, where it is not held any more. */
function giveBack(guard: Guard): LatchworkError | undefined {
  const { space } = guard;
  const { native } = space;
  aim(guard);
  native.release();
  guard.state |= State.Released;
  const error = native.scratch[Lane.Outcome] === Outcome.Failed ? takeError(native) : undefined;
  if (native.scratch[Lane.Settled] !== 0) settle(native, space.handle);
  return error;
}

/** Names the grant for the next call. */
function aim(guard: Guard): void {
  const { scratch } = guard.space.native;
  scratch[Lane.Handle] = guard.space.handle;
  scratch[Lane.Place] = guard.place;
  scratch[Lane.Number] = guard.number;
}

/** Makes the owner of the scope; there is none in a space that is closed. */
function adopted(guard: Guard): Owner | undefined {
  const { space } = guard;
  if (space.closed) return undefined;
  aim(guard);
  const owner = numbered(space, space.native.adopt(), undefined);
  guard.more = { ...guard.more, owner };
  return owner;
}

/** The keys, as the core tells them. */
function keySetOf(guard: Guard): { keys: readonly Key[]; shared: readonly Key[] } {
  if (guard.more?.keySet !== undefined) return guard.more.keySet;
  const keySet = askedKeys(guard.space, guard.asked);
  guard.more = { ...guard.more, keySet };
  return keySet;
}

function askedKeys({ native }: Space, asked: Asked): { keys: readonly Key[]; shared: readonly Key[] } {
  if (typeof asked === "string") return { keys: Object.freeze([asked]), shared: Object.freeze([]) };
  const [exclusive, shared] = keysOf(asked);
  const set = native.keySet(exclusive, shared) ?? raise(native);
  return { keys: Object.freeze(set.keys.map(keyOf)), shared: Object.freeze(set.shared.map(keyOf)) };
}
