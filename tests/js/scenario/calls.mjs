// Updates and transactions: bodies that run until the file ends them, and what is called through their handles.

/** What a call through a handle is to a file. */
const THROUGH = {
  get: async (cells, tx, { key }) => ({ entry: seen(await tx.get(cells.key(key))) }),
  getMany: async (cells, tx, { keys }) => ({ entries: (await tx.getMany(cells.keys(keys))).map(seen) }),
  async list(cells, tx, { limit, reverse, tx: _, ...args }) {
    const options = { ...(limit !== undefined && { limit }), ...(reverse !== undefined && { reverse }) };
    const entries = await tx.list(cells.range(args), ...(Object.keys(options).length === 0 ? [] : [options]));
    return { entries: entries.map(seen) };
  },
  async set(cells, tx, args) {
    await tx.set(cells.key(args.key), args.value, ...cells.expiry(args));
    return { ok: {} };
  },
  async insert(cells, tx, args) {
    const { ok, entry } = await tx.insert(cells.key(args.key), args.value, ...cells.expiry(args));
    return ok ? { ok: {} } : { conflict: seen(entry) };
  },
  async delete(cells, tx, { key }) {
    await tx.delete(cells.key(key));
    return { ok: {} };
  },
  // The body catches what it throws.
  abort: async (_, tx, { reason }) => marks("aborted", () => tx.abort(reason)),
  retry: async (_, tx) => marks("conflict", () => tx.retry()),
};

/** The calls of one run. */
export class CallSteps {
  /** What callbacks have appended. */
  called = [];
  #host;
  #cells;
  #results;
  #guardOf;
  #ownerOf;

  constructor(host, cells, results, guardOf, ownerOf) {
    this.#host = host;
    this.#cells = cells;
    this.#results = results;
    this.#guardOf = guardOf;
    this.#ownerOf = ownerOf;
  }

  static knows(op, { tx }) {
    return op === "update" || op === "transact" || tx !== undefined;
  }

  /** Makes a call whose body the file ends; answers the result that it is from now on. */
  begin(space, op, args, name, isCancelled) {
    const result = { outcome: { pending: {} }, call: `${op} ${name}`, runs: 0 };
    const options = this.#options(args);
    if (isCancelled) {
      const controller = new AbortController();
      result.controller = controller;
      result.giveUp = () => {
        controller.abort();
        // Its body is let go.
        result.end?.({ throw: "given up" });
      };
      options.signal = controller.signal;
    }
    const more = Object.keys(options).length === 0 ? [] : [options];
    const handle = (tx) => this.#body(result, { attempt: tx.attempt }, tx);
    let call;
    if (op === "update") {
      const change = (_, entry) => this.#body(result, { attempt: ++result.runs, entry });
      call = this.#keyed(args.key, (key) => space.update(key, change, ...more));
    } else if (args.tx === undefined) {
      call = space.transact(handle, ...more);
    } else {
      call = this.#results.get(args.tx).tx.transact(handle);
    }
    call.then(
      (value) => {
        result.version = value?.version;
        result.outcome = args.tx === undefined ? { done: value } : { returned: value };
      },
      (error) => {
        result.outcome = this.#errorOutcome(error, result);
      },
    );
    return result;
  }

  /** Makes a call through the handle of a body; answers with its outcome. */
  async through(op, args) {
    const { tx } = this.#results.get(args.tx);
    try {
      if (op !== "onCommit") return await THROUGH[op](this.#cells, tx, args);
      tx.onCommit(() => this.called.push(args.value));
      return { ok: {} };
    } catch (error) {
      if (error.code === undefined) throw error;
      return { error };
    }
  }

  /** A run of a body, until the file ends it. */
  #body(result, running, tx) {
    result.tx = tx;
    result.outcome = { running };
    return new Promise((resolve, reject) => {
      result.end = (args) => {
        if ("running" in result.outcome) result.outcome = { pending: {} };
        if (args.throw !== undefined) reject(new BodyError(args.throw));
        else resolve(this.#answer(args));
      };
    });
  }

  #answer({ answer, return: value }) {
    const { KEEP, DELETE } = this.#host.latchwork;
    if (answer === undefined) return value;
    return answer === "keep" ? KEEP : DELETE;
  }

  #options({ attempts, timeout, expireIn, label, owner, guard, guardKeys }) {
    return {
      ...(attempts !== undefined && { attempts }),
      ...(timeout !== undefined && { timeout }),
      ...(expireIn !== undefined && { expireIn }),
      ...(label !== undefined && { label }),
      ...(owner !== undefined && { owner: this.#ownerOf(owner) }),
      ...(guard !== undefined && { guard: this.#guardOf(guard) }),
      ...(guardKeys !== undefined && { guardKeys: this.#cells.keys(guardKeys) }),
    };
  }

  /** A key that cannot be made is the error of the call. */
  async #keyed(spelled, call) {
    return call(this.#cells.key(spelled));
  }

  #errorOutcome(error, { controller }) {
    if (error instanceof BodyError) return { threw: error.message };
    if (controller?.signal.aborted && error === controller.signal.reason) return { cancelled: {} };
    if (error instanceof this.#host.latchwork.LatchworkError) return { error };
    throw error;
  }
}

class BodyError extends Error {}

/** A cell as a body sees it: what it wrote itself need not have a version. */
function seen(entry) {
  return { ...entry, isOwn: entry.value !== undefined };
}

/** What marks the attempt throws what the body is to pass on. */
function marks(code, call) {
  try {
    call();
  } catch (error) {
    if (error.code === code) return { ok: {} };
    throw error;
  }
  throw new Error("it went on");
}
