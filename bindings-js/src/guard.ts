import { type Asked, keysOf, listOf, saidBy } from "./asked.js";
import { invalid, LatchworkError, raise, takeError } from "./error.js";
import { describe, type Key, type Keys, keyOf, rawKeys } from "./key.js";
import { Lane, type Native, Outcome, type RawHanded } from "./native.js";
import { endOwner, numbered, Owner } from "./owner.js";
import { placed } from "./placed.js";
import { failureOf, settle } from "./settle.js";
import type { Space } from "./space.js";
import { checkText } from "./text.js";

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
    return saidBy(this.asked)?.label;
  }

  /**
   * The owner of the request. Inside `withLock`, where the request has none, one is made for the scope at the first look, and
   * closed when the scope ends: what it still holds is released then, what it waits for is cancelled. So a body takes further
   * locks as the same line of work: `guard.owner.lock(…)`.
   *
   * Undefined for a lock that is neither.
   */
  get owner(): Owner | undefined {
    const { space } = this;
    const owner = ownerSoFar(this);
    // There is none in a space that is closed.
    if (owner !== undefined || (this.state & State.Scoped) === 0 || space.root.closed) return owner;
    moreOf(this).owner = numbered(space, aim(this).adopt(), undefined);
    return this.more?.owner;
  }

  /**
   * Whether a holder of one of its keys went away without releasing it while this request was queued: its worker thread
   * ended. What the keys protect may be half done. Not of a lock that was taken away (`revoke`, `maxHold`): its holder still
   * runs, and learns it by `lost`.
   */
  get abandoned(): boolean {
    return (this.state & State.Abandoned) !== 0;
  }

  /** Whether it still holds its keys, by the clock: also where the loop was too busy to tell the end of its `maxHold`. */
  get held(): boolean {
    if (isReleased(this)) return false;
    const native = aim(this);
    native.held();
    return native.scratch[Lane.Outcome] === Outcome.Granted;
  }

  /**
   * Fires when the lock is lost: taken away while its holder runs, by `space.revoke`, by the end of its `maxHold`, with its
   * owner, or with its space. Never after a release. Its reason is a `not_held`.
   *
   * The end of `maxHold` fires it at a turn of the event loop, or where this is read: code that keeps the loop busy asks
   * `guard.lost.aborted`, or `held`, each time, and does not keep the signal aside.
   */
  get lost(): AbortSignal {
    const more = moreOf(this);
    if (more.ending === undefined) {
      const ending = new AbortController();
      more.ending = ending;
      if (!isReleased(this)) watchLost(this, () => ending.abort(notHeld(this)));
    } else if (!this.held) {
      // By the clock: what is asked does not wait for the loop to tell it. Who was told is not told again.
      this.space.watches.take(more.lossWatch as number)?.();
    }
    return more.ending.signal;
  }

  /** A copy of what was sent along by who handed the lock over; undefined for others. */
  get payload(): unknown {
    return this.more?.payload;
  }

  /**
   * Gives back the keys that are named, or where none are, all that it still has. They have gone on to the next in line when
   * this returns; the rest stays held.
   *
   * Of a guard that is lost, it gives back what was not taken away, which stays reserved until then, and throws where nothing is
   * left. Disposal (`using`, `withLock`) never throws.
   *
   * A lock that was handed over into a sub-space may have keys that cannot be named there. They stay held until this without
   * names, or disposal.
   *
   * @throws {LatchworkError} `not_held` where a named key is not held any more, or without names nothing is; `invalid` where what
   * is named is no key, as `undefined`. Nothing changes then.
   */
  release(): void;
  release(keys: Keys): void;
  release(keys?: Keys): void {
    // biome-ignore lint/complexity/noArguments: to tell a slip from no argument; a rest parameter is an array for each release
    if (arguments.length) {
      giveUp(this, keys as Keys, "releaseKeys");
      return;
    }
    if (!giveBack(this)) throw notHeld(this);
  }

  /**
   * Makes keys shared ones, all where none are named, and admits the shared requests that are next in line. There is no way
   * back. Nothing for a key that is held in shared mode already.
   *
   * @throws {LatchworkError} `not_held` where any of them is not held any more, `invalid` where what is named is no key, as
   * `undefined`. Nothing changes then.
   */
  downgrade(): void;
  downgrade(keys: Keys): void;
  downgrade(...keys: [] | [keys: Keys]): void {
    giveUp(this, keys[0], "downgrade", keys.length);
  }

  /**
   * Hands the whole lock over to another owner, with a copy of `payload`: this guard no longer holds it, and what becomes of its
   * holder no longer matters. Who waits for the keys keeps the place, the token stays the same.
   *
   * The other gets a guard: from its request, where one waits for some of these keys; otherwise from `owner.handedOver`. To an
   * owner that is closed the lock is not delivered, but released.
   *
   * Rejects with `not_held`, with `invalid` where the owner is that of the guard, no owner of this space ever had the id, or the
   * payload cannot be copied, or with `deadlock` where the other waits for this lock in a way that would never end. Nothing has
   * moved then.
   */
  async handOver(owner: Owner | string, payload?: unknown): Promise<{ delivered: boolean }> {
    const { space } = this;
    const { native } = space;
    const id = owner instanceof Owner ? owner.id : owner;
    checkText(id, "owner", "an owner or its id");
    if (isReleased(this)) throw notHeld(this);
    try {
      native.handOver(id, payload, () => aim(this));
    } catch (error) {
      throw invalid("payload", `cannot be copied: ${error}`);
    }
    const outcome = native.scratch[Lane.Outcome];
    if (outcome === Outcome.Failed) {
      const error = failureOf(space);
      throw error.code === "not_held" ? notHeld(this) : error;
    }
    end(this);
    settle(space);
    return { delivered: outcome === Outcome.Granted };
  }

  /** Releases the keys where they are still held; nothing where they are not. */
  [Symbol.dispose](): void {
    giveBack(this);
  }

  /** Releases the keys where they are still held, and waits until that took effect. */
  async [Symbol.asyncDispose](): Promise<void> {
    giveBack(this);
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
  known?: KeySets;
  /** That of the scope. */
  owner?: Owner;
  /** What was sent along by who handed it over. */
  payload?: unknown;
  ending?: AbortController;
  /** The number of the watch for its loss. */
  lossWatch?: number;
}

interface KeySets {
  keys: readonly Key[];
  shared: readonly Key[];
}

/**
 * Its owner, where it has one already.
 *
 * @internal
 */
export function ownerSoFar(guard: Guard): Owner | undefined {
  return saidBy(guard.asked)?.owner ?? guard.more?.owner;
}

/**
 * Looks whether it was handed over to who waited for it; then it holds other keys than were asked for.
 *
 * @internal
 */
export function takeHanded(guard: Guard): void {
  const native = aim(guard);
  native.scratch[Lane.Token] = guard.token;
  const handed = native.takeHanded();
  if (handed) hand(guard, handed);
}

/**
 * Whether it was released or handed over through this object.
 *
 * @internal
 */
export function isReleased(guard: Guard): boolean {
  return (guard.state & State.Released) !== 0;
}

/**
 * Its scope begins.
 *
 * @internal
 */
export function beginScope(guard: Guard): void {
  guard.state |= State.Scoped;
}

/**
 * Its scope ends: the lock is released, and the owner that was made for the scope is closed.
 *
 * @internal
 */
export function endScope(guard: Guard): void {
  guard.state &= ~State.Scoped;
  giveBack(guard);
  if (guard.more?.owner !== undefined) endOwner(guard.more.owner);
}

/** Releases; answers whether it was held. */
function giveBack(guard: Guard): boolean {
  if (isReleased(guard)) return false;
  const native = aim(guard);
  native.release();
  end(guard);
  const held = native.scratch[Lane.Outcome] !== Outcome.Failed;
  if (!held) takeError(native);
  if (native.scratch[Lane.Settled] !== 0) settle(guard.space);
  return held;
}

/** It holds nothing any more by what was done with it. */
function end(guard: Guard): void {
  guard.state |= State.Released;
  const watch = guard.more?.lossWatch;
  if (watch !== undefined) guard.space.watches.take(watch);
}

function notHeld(guard: Guard, named?: Keys): LatchworkError {
  const keys = named === undefined ? [...guard.keys, ...guard.shared] : listOf(named);
  return new LatchworkError("not_held", `the lock is not held: keys=[${keys.map(describe).join(", ")}]`, { keys });
}

/**
 * Names a grant, or a request that waits, for the next call; answers whom to call.
 *
 * @internal
 */
export function aim({ space, place, number }: Pick<Guard, "space" | "place" | "number">): Native {
  const { scratch } = space.native;
  scratch[Lane.Handle] = space.handle;
  scratch[Lane.Place] = place;
  scratch[Lane.Number] = number;
  return space.native;
}

/** Releases some keys, or makes some shared ones, or where none are `named`, all that can be. */
function giveUp(guard: Guard, keys: Keys | undefined, how: "releaseKeys" | "downgrade", named = 1): void {
  const { space } = guard;
  const { native } = space;
  const { keys: exclusive, shared } = keySetOf(guard);
  const given = named ? (keys as Keys) : exclusive;
  const raw = rawKeys(native, given, "keys");
  if (isReleased(guard)) throw notHeld(guard, keys);
  aim(guard);
  native[how](raw);
  if (native.scratch[Lane.Outcome] === Outcome.Failed) {
    const error = failureOf(space);
    throw named ? placed(native, error, keys) : notHeld(guard);
  }
  // Equal keys, and no others, read the same.
  const texts = new Set(listOf(given).map(describe));
  const isGiven = (key: Key) => texts.has(describe(key));
  const stays = (key: Key) => !isGiven(key);
  const isDowngrade = how === "downgrade";
  const left = setKeys(
    guard,
    exclusive.filter(stays),
    isDowngrade ? [...shared, ...exclusive.filter(isGiven)] : shared.filter(stays),
  );
  settle(space);
  // Those were all. What a sub-space cannot name may be held still, or be lost since and reserved: then it is given back.
  if (!isDowngrade && left.keys.length + left.shared.length === 0 && !guard.held) giveBack(guard);
}

/**
 * Notes what was handed over.
 *
 * @internal
 */
export function hand(guard: Guard, { keys, shared, payload }: RawHanded): void {
  moreOf(guard).payload = payload;
  setKeys(guard, keys.map(keyOf), shared.map(keyOf));
  // It may have an end.
  guard.space.timer.limited();
}

/** Calls `tell` when the guard is lost: at once where it is already, never after a release. One for each guard. */
export function watchLost(guard: Guard, tell: () => void): void {
  const { watches } = guard.space;
  const watch = watches.add(tell);
  const native = aim(guard);
  native.watchLost(watch);
  if (native.scratch[Lane.Outcome] === Outcome.Granted) moreOf(guard).lossWatch = watch;
  else watches.take(watch)?.();
}

/** The keys that it holds, as the core tells them. */
function keySetOf(guard: Guard): KeySets {
  if (guard.more?.known !== undefined) return guard.more.known;
  const { asked, space } = guard;
  if (typeof asked === "string") return setKeys(guard, [asked], []);
  const set = space.native.keySet(...keysOf(asked)) ?? raise(space.native);
  return setKeys(guard, set.keys.map(keyOf), set.shared.map(keyOf));
}

function setKeys(guard: Guard, keys: Key[], shared: Key[]): KeySets {
  const keySet = { keys: Object.freeze(keys), shared: Object.freeze(shared) };
  moreOf(guard).known = keySet;
  return keySet;
}

function moreOf(guard: Guard): More {
  guard.more ??= {};
  return guard.more;
}
