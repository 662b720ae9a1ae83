// The operations on cells: from the names of a file to calls, and from answers to outcomes.

import { keyOf } from "./keys.mjs";

/** The cells of one run: what its file names, and its watches. */
export class CellSteps {
  #host;
  /** The guard of a named result. */
  #guardOf;
  #entries = new Map();
  #versions = new Map();
  #watches = new Map();

  constructor(host, guardOf) {
    this.#host = host;
    this.#guardOf = guardOf;
  }

  /** Whether it is an operation on cells that answers by itself. */
  static knows(op) {
    return Object.hasOwn(CALLS, op) || op === "watch" || op === "endWatch";
  }

  /** The version of a name; 0 is that of an absent cell. */
  version(name) {
    return name === 0 ? 0 : this.#versions.get(name);
  }

  watch(name) {
    return this.#watches.get(name);
  }

  /** Makes the call of one step now; answers with its outcome. */
  async call(space, op, args, as) {
    try {
      if (op === "watch") {
        this.#watches.set(as, space.watch("prefix" in args ? { prefix: this.key(args.prefix) } : this.keys(args.keys)));
        return { ok: {} };
      }
      if (op === "endWatch") {
        await this.watch(args.watch).return();
        return { ok: {} };
      }
      const answer = await CALLS[op](this, space, args);
      if (op === "get" && as !== undefined) this.#entries.set(as, answer);
      if (as !== undefined && answer.version !== undefined) this.#versions.set(as, answer.version);
      return outcomeOf(op, answer);
    } catch (error) {
      if (error.code === undefined) throw error;
      return { error };
    }
  }

  /** Ends all watches. */
  async end() {
    for (const watch of this.#watches.values()) await watch.return();
  }

  key(spelled) {
    return keyOf(this.#host.latchwork, spelled);
  }

  /** One key bare, any other number as several. */
  keys(spelled) {
    const keys = spelled.map((key) => this.key(key));
    return keys.length === 1 ? keys[0] : keys;
  }

  range(args) {
    return Object.fromEntries(
      ["prefix", "start", "end"].filter((name) => name in args).map((name) => [name, this.key(args[name])]),
    );
  }

  /** What a comparison is given: an entry, or a key and perhaps a version. */
  at({ entry, key, version }) {
    if (entry !== undefined) return [this.#entries.get(entry)];
    return version === undefined ? [this.key(key)] : [this.key(key), this.version(version)];
  }

  expiry({ expireIn }) {
    return expireIn === undefined ? [] : [{ expireIn }];
  }

  /** The options of a write, where it has any. */
  options(args) {
    const options = { ...this.expiry(args)[0], ...("guard" in args && { guard: this.#guardOf(args.guard) }) };
    return Object.keys(options).length === 0 ? [] : [options];
  }

  /** The guard that a step names, with the keys that it must hold. */
  demand({ guard, keys }) {
    return [this.#guardOf(guard), ...(keys === undefined ? [] : [this.keys(keys)])];
  }
}

/** Every call; one that names keys of its guard has to be an atomic step. */
const CALLS = {
  get: (cells, space, { key }) => space.get(cells.key(key)),
  getMany: (cells, space, { keys }) => space.getMany(cells.keys(keys)),
  set: (cells, space, args) => write("set", cells, space, args),
  insert: (cells, space, args) => write("insert", cells, space, args),
  compareExchange(cells, space, args) {
    none(args.guardKeys);
    return space.compareExchange(...cells.at(args), args.value, ...cells.options(args));
  },
  delete(cells, space, args) {
    none(args.guardKeys);
    const [at, version] = cells.at(args);
    const options = { ...(version !== undefined && { version }), ...cells.options(args)[0] };
    return space.delete(at, ...(Object.keys(options).length === 0 ? [] : [options]));
  },
  atomic(cells, space, { steps }) {
    const atomic = space.atomic();
    for (const step of steps) {
      if ("entry" in step) atomic.check(...cells.at(step));
      else if ("check" in step) atomic.check(cells.key(step.check), cells.version(step.version));
      else if ("guard" in step) atomic.guard(...cells.demand(step));
      else if ("delete" in step) atomic.delete(cells.key(step.delete));
      else if ("set" in step) atomic.set(cells.key(step.set), step.value, ...cells.expiry(step));
      else atomic.insert(cells.key(step.insert), step.value, ...cells.expiry(step));
    }
    return atomic.commit();
  },
  list(cells, space, { limit, reverse, ...args }) {
    const options = { ...(limit !== undefined && { limit }), ...(reverse !== undefined && { reverse }) };
    return space.list(cells.range(args), ...(Object.keys(options).length === 0 ? [] : [options]));
  },
  deleteAll(cells, space, { except, ...args }) {
    // All cells have to be asked for: no key comes before this one.
    const range = Object.keys(args).length === 0 ? { start: false } : cells.range(args);
    return space.deleteAll(range, ...(except === undefined ? [] : [{ except: cells.keys(except) }]));
  },
};

async function write(how, cells, space, args) {
  const key = cells.key(args.key);
  if (args.guardKeys === undefined) return space[how](key, args.value, ...cells.options(args));
  const atomic = space.atomic()[how](key, args.value, ...cells.expiry(args));
  const { conflicts, ...answer } = await atomic.guard(...cells.demand({ ...args, keys: args.guardKeys })).commit();
  return conflicts === undefined ? answer : { ...answer, entry: conflicts[0].entry };
}

function none(guardKeys) {
  if (guardKeys !== undefined) throw new Error("no call of this operation names keys of its guard");
}

/** What an answer is to a file. */
function outcomeOf(op, answer) {
  if (op === "get") return { entry: answer };
  if (op === "getMany" || op === "list") return { entries: answer };
  if (op === "deleteAll") return { deleted: answer };
  if (answer.ok === false) return answer.conflicts ? { conflicts: answer.conflicts } : { conflict: answer.entry };
  return op === "delete" ? { existed: answer.existed } : { committed: answer };
}
