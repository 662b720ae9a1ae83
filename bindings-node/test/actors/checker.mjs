// Watches, in memory that all threads share, who is inside and in which order they came: it knows nothing of the locks.

/** How many keys and how many actors there can be. */
export const KEYS = 5;
export const ACTORS = 64;

/** What each actor does with each key. */
const OUTSIDE = 0;
const SHARED = 1;
const EXCLUSIVE = 2;

/** Shared by all threads: make one, and pass its `memory` to the others. */
export class Checker {
  #inside;
  #gone;
  #counts;
  #tokens;
  #begun;

  constructor(memory = new SharedArrayBuffer(8 * KEYS * 3 + 4 * (KEYS * ACTORS + ACTORS + 3))) {
    this.memory = memory;
    /** The last token of each key; when the newest of those that were let in had begun, by mode. */
    this.#tokens = new BigInt64Array(memory, 0, KEYS);
    this.#begun = new BigInt64Array(memory, 8 * KEYS, 2 * KEYS);
    this.#inside = new Int32Array(memory, 8 * KEYS * 3, KEYS * ACTORS);
    this.#gone = new Int32Array(memory, 8 * KEYS * 3 + 4 * KEYS * ACTORS, ACTORS);
    this.#counts = new Int32Array(memory, 8 * KEYS * 3 + 4 * (KEYS * ACTORS + ACTORS), 3);
  }

  /** The faults that were seen, and how often somebody came in. */
  get seen() {
    return { faults: this.#counts[1], entries: this.#counts[2] };
  }

  /** An instant: larger than all that were asked for before. */
  now() {
    return BigInt(Atomics.add(this.#counts, 0, 1));
  }

  /**
   * An actor comes in. `begun` and `joined`: instants before and after it asked. Answers what is wrong, if anything is.
   */
  enter(actor, { exclusive, shared }, { begun, joined, token }) {
    const wrong = [];
    Atomics.add(this.#counts, 2, 1);
    for (const key of exclusive) {
      Atomics.store(this.#inside, key * ACTORS + actor, EXCLUSIVE);
      if (this.#others(actor, key, SHARED)) wrong.push(`not alone on ${key}`);
      if (this.#overtaken(key, joined, EXCLUSIVE) || this.#overtaken(key, joined, SHARED)) wrong.push(`late on ${key}`);
      this.#came(key, begun, EXCLUSIVE);
      const before = Atomics.exchange(this.#tokens, key, token);
      if (before >= token) wrong.push(`token ${token} after ${before}`);
    }
    for (const key of shared) {
      Atomics.store(this.#inside, key * ACTORS + actor, SHARED);
      if (this.#others(actor, key, EXCLUSIVE)) wrong.push(`shares ${key} with an exclusive one`);
      if (this.#overtaken(key, joined, EXCLUSIVE)) wrong.push(`late on ${key}`);
      this.#came(key, begun, SHARED);
    }
    if (wrong.length > 0) Atomics.add(this.#counts, 1, 1);
    return wrong;
  }

  leave(actor, { exclusive, shared }) {
    for (const key of [...exclusive, ...shared]) Atomics.store(this.#inside, key * ACTORS + actor, OUTSIDE);
  }

  /** What this actor holds does not count any more: its thread is about to be ended. */
  ends(actor) {
    Atomics.store(this.#gone, actor, 1);
  }

  /** Whether another actor is inside, in this mode or a stronger one. */
  #others(actor, key, mode) {
    for (let other = 0; other < ACTORS; other++) {
      if (other === actor || Atomics.load(this.#gone, other) === 1) continue;
      if (Atomics.load(this.#inside, key * ACTORS + other) >= mode) return true;
    }
    return false;
  }

  /** Whether somebody was let in before, in this mode, who asked only after `joined`. */
  #overtaken(key, joined, mode) {
    return Atomics.load(this.#begun, 2 * key + mode - 1) > joined;
  }

  #came(key, begun, mode) {
    const at = 2 * key + mode - 1;
    for (let newest = Atomics.load(this.#begun, at); newest < begun; ) {
      newest = Atomics.compareExchange(this.#begun, at, newest, begun);
    }
  }
}
