// Runs one scenario file: any of them, none by name. `../../scenarios/README.md` says what a file means.

import { quiet } from "../turn.mjs";
import { CallSteps } from "./calls.mjs";
import { CellSteps } from "./cells.mjs";
import { keyOf } from "./keys.mjs";
import { describe, mismatch } from "./matching.mjs";

/** A step did not come to what the file says. `step`: its number from 0, or "final". */
export class ScenarioFailure extends Error {
  constructor(step, message) {
    super(`step ${step}: ${message}`);
    this.step = step;
  }
}

let runs = 0;

/** Runs a file that keeps to the format. Rejects with a {@link ScenarioFailure} where it fails. */
export async function runScenario(host, scenario) {
  const run = new Run(host, scenario);
  await run.open();
  try {
    for (const [index, step] of scenario.steps.entries()) {
      run.at = index;
      await run.step(step);
    }
    run.at = "final";
    await run.final();
  } finally {
    await run.close();
  }
}

class Run {
  at = 0;
  #host;
  #scenario;
  #clock;
  #handles = new Map();
  /** The sub-spaces of those actors that have one. */
  #subSpaces = new Map();
  #cells;
  #calls;
  #results = new Map();
  #owners = new Map();
  /** The results that some step cancels: exactly these get a signal. */
  #cancelled;
  /** The guards that some commit names together: only a thread that holds them all can. */
  #together;

  constructor(host, scenario) {
    this.#host = host;
    this.#scenario = scenario;
    this.#clock = host.testing.manualClock();
    const steps = scenario.steps.flatMap((step) => step.turn ?? [step]);
    this.#cancelled = new Set(steps.filter(({ op }) => op === "cancel").map(({ args }) => args.result));
    const named = steps.map(({ args }) => (args?.steps ?? []).map(({ guard }) => guard).filter((name) => name));
    this.#together = new Set(named.filter((guards) => guards.length > 1).flat());
    const guardOf = (name) => this.#results.get(name).guard;
    this.#cells = new CellSteps(host, guardOf);
    this.#calls = new CallSteps(host, this.#cells, this.#results, guardOf, (name) => this.#owners.get(name));
  }

  async open() {
    const { setup = {}, name } = this.#scenario;
    const url = `memory:scenario ${name} ${++runs}`;
    for (const handle of new Set(["first", ...Object.values(setup.handles ?? {})])) {
      this.#handles.set(handle, await this.#host.latchwork.open(url, { clock: this.#clock, ...setup.limits }));
    }
    for (const [actor, prefixes] of Object.entries(setup.within ?? {})) {
      const inside = (space, prefix) => space.within(keyOf(this.#host.latchwork, prefix));
      this.#subSpaces.set(actor, prefixes.reduce(inside, this.#handleOf(actor)));
    }
  }

  async close() {
    for (const space of this.#handles.values()) await space.close();
    for (const result of this.#results.values()) result.end?.({ return: null });
    await quiet();
  }

  /** Makes the calls of one step, settles, and checks what came of them. */
  async step(step) {
    const before = new Map([...this.#results].map(([name, result]) => [name, kindOf(result.outcome)]));
    const inner = step.turn ?? [step];
    const calls = inner.map((one) => this.#call(one));
    await quiet();
    for (const [index, one] of inner.entries()) {
      this.#check(`${one.op} of ${one.actor ?? "the clock"}`, await calls[index](), one.expect ?? "ok");
    }
    const then = step.then ?? {};
    for (const [name, expected] of Object.entries(then)) this.#check(name, this.#results.get(name).outcome, expected);
    for (const [name, kind] of before) {
      const now = kindOf(this.#results.get(name).outcome);
      const moved = now !== kind && (kind === "pending" || kind === "running");
      if (moved && !(name in then)) this.#fail(`${name} was ${kind} and is ${now}, which nobody expected`);
    }
  }

  /** Checks what is left, cleans up, and checks that nothing is. */
  async final() {
    const { final } = this.#scenario;
    const table = await outcomeOf(this.#handles.get("first").query(), "query");
    const closed = "closed" in final;
    this.#check("the space", table, closed ? { error: { code: "closed" } } : { query: final });
    if (final.callbacks !== undefined)
      this.#check("the callbacks", { callbacks: this.#calls.called }, { callbacks: final.callbacks });
    if (final.cells !== undefined) {
      const cells = await outcomeOf(this.#handles.get("first").list({}), "entries");
      this.#check("the cells", cells, { entries: final.cells });
    }
    if (closed) return;
    for (const { giveUp } of this.#results.values()) giveUp?.();
    // What is disposed lets others in, which are disposed in the next round.
    for (let round = 0; round <= this.#results.size; round++) {
      for (const { guard, end } of this.#results.values()) {
        end?.({ return: null });
        guard?.[Symbol.dispose]();
      }
      await quiet();
    }
    for (const owner of this.#owners.values()) await owner.close();
    await this.#cells.end();
    await quiet();
    const left = await outcomeOf(this.#handles.get("first").query(), "query");
    this.#check("the space when all is over", left, { query: { held: [], pending: [] } });
  }

  #handleOf(actor) {
    return this.#handles.get(this.#scenario.setup?.handles?.[actor] ?? "first");
  }

  /** Makes the call of one step now; answers a function that tells what it has come to. */
  #call({ actor, op, args = {}, as }) {
    const space = this.#subSpaces.get(actor) ?? this.#handleOf(actor);
    if (CallSteps.knows(op, args)) {
      if (as !== undefined) this.#results.set(as, this.#calls.begin(space, op, args, as, this.#cancelled.has(as)));
      const call = as === undefined ? this.#calls.through(op, args) : undefined;
      return () => call ?? this.#results.get(as).outcome;
    }
    if (CellSteps.knows(op)) return later(this.#cells.call(space, op, args, as));
    if (op === "next") {
      const result = { outcome: { pending: {} }, call: `${op} ${as}` };
      this.#results.set(as, result);
      this.#next(this.#cells.watch(args.watch), result);
      return () => result.outcome;
    }
    if (op === "owner") {
      this.#owners.set(
        as,
        args.guard === undefined ? space.owner(args.label) : this.#results.get(args.guard).guard.owner,
      );
      return () => ({ ok: {} });
    }
    if (op === "handedOver") {
      const result = { outcome: { pending: {} }, call: `${op} ${as}` };
      this.#results.set(as, result);
      this.#take(this.#owners.get(args.owner), result);
      return () => result.outcome;
    }
    if (as !== undefined) {
      const result = { outcome: { pending: {} }, call: `${op} ${as}` };
      this.#results.set(as, result);
      const holder = this.#together.has(as) && space.inOneThread !== undefined ? space.inOneThread() : space;
      this.#request(holder, op, args, result, this.#cancelled.has(as));
      return () => result.outcome;
    }
    const result = this.#results.get(args.result ?? args.guard);
    const owner = this.#owners.get(args.owner ?? args.to);
    switch (op) {
      case "release":
      case "downgrade":
        return now(() => this.#withKeys(args.keys, (...keys) => result.guard[op](...keys)));
      case "closeOwner":
        return later(outcomeOf(owner.close(), "count"));
      case "revoke":
        return later(
          outcomeOf(
            this.#keys(args.keys, (keys) => space.revoke(keys)),
            "count",
          ),
        );
      case "handOver": {
        const handing = result.guard.handOver(args.by === "id" ? owner.id : owner, args.payload);
        return later(
          outcomeOf(
            handing.then(({ delivered }) => delivered),
            "delivered",
          ),
        );
      }
      case "drop":
        return now(() => result.guard[Symbol.dispose]());
      case "cancel":
        return now(() => result.giveUp());
      case "end":
        return now(() => result.end(args));
      case "advance":
        return now(() => this.#clock.advance(args.ms));
      case "close": {
        const closing = outcomeOf(space.close(), "ok");
        return () => closing;
      }
      case "query": {
        const asked = outcomeOf(
          this.#keys(args.keys, (keys) => space.query(keys)),
          "query",
        );
        return () => asked;
      }
      default:
        throw new Error(`an operation that this runner does not know: ${op}`);
    }
  }

  #request(space, op, args, result, cancellable) {
    const settle = (outcome) => {
      result.outcome = outcome;
    };
    const failed = (error) => settle(this.#errorOutcome(error, result));
    const granted = (guard) => {
      result.guard = guard ?? undefined;
      settle(guard === null ? { none: {} } : { granted: guard });
    };
    const { mode, timeout, label, keys, shared, owner, maxHold } = args;
    const options = {
      ...(mode !== undefined && { mode }),
      ...(timeout !== undefined && { timeout }),
      ...(label !== undefined && { label }),
      ...(owner !== undefined && { owner: this.#owners.get(owner) }),
      ...(maxHold !== undefined && { maxHold }),
    };
    if (cancellable) {
      result.controller = new AbortController();
      result.giveUp = () => result.controller.abort();
      options.signal = result.controller.signal;
    }
    const call = (asked, more) => {
      if (more !== undefined) options.shared = more;
      const given = Object.keys(options).length > 0 ? [asked, options] : [asked];
      if (op !== "withLock") return space[op](...given).then(granted);
      return space
        .withLock(...given, (guard) => this.#body(result, guard))
        .then((value) => settle({ returned: value }));
    };
    this.#keys(keys, (asked) =>
      shared === undefined ? call(asked) : this.#keys(shared, (more) => call(asked, more)),
    ).catch(failed);
  }

  /** Takes the next guard that is handed over to an owner. */
  #take(owner, result) {
    const inbox = owner.handedOver[Symbol.asyncIterator]();
    let givenUp = false;
    result.giveUp = () => {
      givenUp = true;
      inbox.return();
    };
    inbox.next().then(({ done, value }) => {
      if (!done) result.guard = value;
      if (done) result.outcome = givenUp ? { cancelled: {} } : { error: { code: "cancelled" } };
      else result.outcome = { granted: value };
    });
  }

  /** Takes the next item of a watch. */
  #next(watch, result) {
    let givenUp = false;
    result.giveUp = () => {
      givenUp = true;
      watch.return();
    };
    watch.next().then(
      ({ done, value }) => {
        if (done) result.outcome = givenUp ? { cancelled: {} } : { ended: {} };
        else result.outcome = { entries: value };
      },
      (error) => {
        result.outcome = this.#errorOutcome(error, result);
      },
    );
  }

  /** The body of a scoped use: runs until the file ends it. */
  #body(result, guard) {
    result.guard = guard;
    result.outcome = { running: guard };
    return new Promise((resolve, reject) => {
      result.end = (args) => {
        if (args.throw === undefined) resolve(args.return);
        else reject(new BodyError(args.throw));
      };
    });
  }

  #errorOutcome(error, result) {
    if (error instanceof BodyError) return { threw: error.message };
    if (result.controller?.signal.aborted && error === result.controller.signal.reason) return { cancelled: {} };
    if (error instanceof this.#host.latchwork.LatchworkError) return { error };
    throw error;
  }

  /** Calls with the keys that are spelled so; a key that cannot be made is the error of the call. */
  async #keys(spelled, call) {
    return this.#withKeys(spelled, call);
  }

  #withKeys(spelled, call) {
    if (spelled === undefined) return call();
    const keys = spelled.map((key) => keyOf(this.#host.latchwork, key));
    return call(keys.length === 1 ? keys[0] : keys);
  }

  #check(what, actual, expected) {
    const tokenOf = (name) => this.#results.get(name).guard.token;
    tokenOf.owner = (name) => this.#owners.get(name).id;
    tokenOf.version = (name) => this.#results.get(name)?.version ?? this.#cells.version(name);
    const differs = mismatch(this.#host, actual, expected, tokenOf);
    if (differs !== undefined) this.#fail(`${what}: ${differs}`);
  }

  #fail(message) {
    const now = [...this.#results].map(([name, { outcome }]) => `${name}: ${describe(outcome)}`);
    throw new ScenarioFailure(this.at, `${message}\n  now ${now.join(", ")}`);
  }
}

class BodyError extends Error {}

/** Runs a call that answers at once. */
function now(call) {
  let outcome = { ok: {} };
  try {
    call();
  } catch (error) {
    if (error.code === undefined) throw error;
    outcome = { error };
  }
  return () => outcome;
}

/** What a call comes to that answers with a promise. */
function later(outcome) {
  return () => outcome;
}

async function outcomeOf(promise, kind) {
  try {
    return { [kind]: await promise };
  } catch (error) {
    if (error.code === undefined) throw error;
    return { error };
  }
}

function kindOf(outcome) {
  return Object.keys(outcome)[0];
}
