// The package as it is seen from a thread whose calls are made by others.
//
// A space here is one handle in each of a few worker threads, all on one named space; each request is made by the next of
// them, so that whoever waits for somebody waits for another thread. A call stands still until the worker has made it:
// requests join in the order of the calls, and what throws, throws here. During one turn of this thread's loop the workers
// do nothing but the calls of that turn. What comes of a call later comes as a message, in the order of all threads.

import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import * as latchwork from "latchwork";
import * as testing from "latchwork/testing";
import { RemoteTransaction, runFor } from "./remote_calls.mjs";
import { ANSWERED, decodeArguments, encodeArguments, encodeKeys, errorFrom, SENT } from "./wire.mjs";

const { LatchworkError } = latchwork;

/** Ends a test that would hang; nothing comes near it. */
const LIMIT = 60_000;

let numbers = 0;
/** The calls whose end is not known, by their numbers. */
const calls = new Map();
/** Numbers what the workers say. */
const order = new Int32Array(new SharedArrayBuffer(4));
/** How much was heard, in order; and what came before it was its turn. */
let heard = 0;
const early = new Map();

/** One worker thread. */
class Actor {
  #worker;
  #commands;
  #flags = new Int32Array(new SharedArrayBuffer(8));

  /** Starts one, and waits until it listens. */
  async start() {
    const { port1, port2 } = new MessageChannel();
    this.#commands = port1;
    this.#worker = new Worker(new URL("actor.mjs", import.meta.url), {
      workerData: { commands: port2, flags: this.#flags, order },
      transferList: [port2],
    });
    await new Promise((resolve, reject) => {
      this.#worker.on("error", reject);
      this.#worker.on("message", (message) => (message === "ready" ? resolve() : listen(message)));
    });
    return this;
  }

  send(op, message = {}) {
    Atomics.store(this.#flags, ANSWERED, 0);
    this.#commands.postMessage({ op, ...message });
    Atomics.add(this.#flags, SENT, 1);
    Atomics.notify(this.#flags, SENT);
  }

  /** Stands still until the worker has answered. */
  answer() {
    // More than once: the worker may still be about to notify of its last answer.
    while (Atomics.load(this.#flags, ANSWERED) === 0) {
      if (Atomics.wait(this.#flags, ANSWERED, 0, LIMIT) === "timed-out") throw new Error("the worker does not answer");
    }
    const { value, error } = receiveMessageOnPort(this.#commands).message;
    if (error !== undefined) throw errorFrom(error, LatchworkError);
    return value;
  }

  end() {
    this.#commands.close();
    return this.#worker.terminate();
  }
}

/** Several worker threads, which go on together. */
class Actors {
  #all;
  #held = false;

  constructor(all) {
    this.#all = all;
  }

  get count() {
    return this.#all.length;
  }

  /** Has one of them make a call; answers what that answers at once. */
  call(index, op, message) {
    if (!this.#held) {
      this.#held = true;
      this.#everybody("hold");
      // After the code that is running now.
      queueMicrotask(() => {
        this.#held = false;
        for (const actor of this.#all) actor.send("go");
      });
    }
    this.#all[index].send(op, message);
    return this.#all[index].answer();
  }

  /** Has one of them make a call that answers later. */
  ask(index, op, message) {
    const id = ++numbers;
    return new Promise((resolve, reject) => {
      calls.set(id, { resolve, reject });
      this.call(index, op, { id, ...message });
    });
  }

  /** Lets them do all that they can; answers whether anything came of it. */
  async settle() {
    const before = heard;
    this.#everybody("quiet");
    await new Promise((resolve) => setImmediate(resolve));
    return heard > before || heard < Atomics.load(order, 0);
  }

  async end() {
    await Promise.all(this.#all.map((actor) => actor.end()));
  }

  #everybody(op) {
    for (const actor of this.#all) actor.send(op);
    for (const actor of this.#all) actor.answer();
  }
}

/** Takes what the workers say in the order in which they said it, which is not that in which it comes. */
function listen({ at, ...message }) {
  early.set(at, message);
  for (; early.has(heard); heard++) {
    const next = early.get(heard);
    early.delete(heard);
    hear(next);
  }
}

/** A worker tells what became of a call. */
function hear({ id, ...told }) {
  const call = calls.get(id);
  if ("running" in told) return call.running(told.running);
  if ("called" in told) return call.called();
  calls.delete(id);
  if ("error" in told) call.reject(errorFrom(told.error, LatchworkError));
  else if ("aborted" in told) call.reject(call.signal.reason);
  else if ("bodyThrew" in told) call.reject(call.thrown);
  else call.resolve(call.settled ? call.settled(told.value) : told.value);
}

/** Where the guards are that a call names: the number of each in its worker, and that worker. */
const placeOf = new WeakMap();

/** The worker that has the guards among what a call is given, and what it is given as it can be posted. */
function posted(given) {
  let index;
  const numberOf = (each) => {
    const place = placeOf.get(each);
    if (place === undefined) return undefined;
    if (index !== undefined && index !== place.index) throw new Error("guards of several threads in one call");
    index = place.index;
    return place.id;
  };
  return { given: encodeArguments(given, numberOf), index: () => index };
}

/** What a call on cells answered. */
function received(answer) {
  return decodeArguments([answer], undefined)[0];
}

/** An atomic step that a worker will make. */
class RemoteAtomic {
  #steps = [];
  #commit;

  constructor(commit) {
    this.#commit = commit;
  }

  commit() {
    return this.#commit(this.#steps);
  }

  static {
    for (const how of ["check", "set", "insert", "delete", "guard"]) {
      RemoteAtomic.prototype[how] = function (...given) {
        this.#steps.push([how, given]);
        return this;
      };
    }
  }
}

/** A watch that a worker has. */
class RemoteWatch {
  #ask;

  constructor(ask) {
    this.#ask = ask;
  }

  async next() {
    const { done, value } = received(await this.#ask("next"));
    return { done, value };
  }

  return() {
    return this.#ask("endWatch");
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

/** A guard that a worker has. */
class RemoteGuard {
  #call;
  #actors;
  #index;
  #id;
  #owner;

  constructor({ actors, index, id }, shown) {
    this.#actors = actors;
    this.#index = index;
    this.#id = id;
    this.#call = (op, message) => actors.call(index, op, { id, ...message });
    placeOf.set(this, { index, id });
    Object.assign(this, shown);
  }

  get lost() {
    return { aborted: this.#call("lost") };
  }

  get owner() {
    if (this.#owner !== undefined) return this.#owner;
    const owner = ++numbers;
    const shown = this.#call("ownerOf", { owner });
    if (shown !== undefined) this.#owner = new RemoteOwner(this.#actors, this.#index, owner, shown);
    return this.#owner;
  }

  downgrade(...keys) {
    Object.assign(this, this.#call("downgrade", { keys: keys.map(encodeKeys) }));
  }

  handOver(to, payload) {
    return this.#actors.ask(this.#index, "handOver", { guard: this.#id, to: to.id ?? to, payload });
  }

  get held() {
    return this.#call("held");
  }

  release(...keys) {
    Object.assign(this, this.#call("release", { keys: keys.map(encodeKeys) }));
  }

  [Symbol.dispose]() {
    this.#call("dispose");
  }

  async [Symbol.asyncDispose]() {
    this[Symbol.dispose]();
  }
}

/** An owner that a worker has: its requests are that worker's. */
class RemoteOwner {
  #actors;

  constructor(actors, index, number, shown) {
    this.#actors = actors;
    this.index = index;
    this.number = number;
    Object.assign(this, shown);
  }

  close() {
    return this.#actors.ask(this.index, "closeOwner", { owner: this.number });
  }

  get handedOver() {
    const { index, number } = this;
    const actors = this.#actors;
    const id = ++numbers;
    const next = () =>
      new Promise((resolve, reject) => {
        const settled = (shown) => ({ done: !shown, value: shown && new RemoteGuard({ actors, index, id }, shown) });
        calls.set(id, { resolve, reject, settled });
        actors.call(index, "handedOver", { id, owner: number });
      });
    return { [Symbol.asyncIterator]: () => ({ next, return: () => actors.call(index, "leave", { id }) }) };
  }
}

class RemoteSpace {
  #actors;
  #next = 0;
  #number;
  /** A handle in this thread: what is due is told when this thread moves the clock. */
  #keeper;
  /** The worker that makes all calls, where it is always the same. */
  #only;

  constructor(actors, number = ++numbers, only = undefined) {
    this.#actors = actors;
    this.#number = number;
    this.#only = only;
  }

  async open(url, clock, limits) {
    this.#keeper = await latchwork.open(url, { ...limits, ...(clock && { clock: clock.here }) });
    await this.#ask("open", { url, clock: clock?.name, limits });
    return this;
  }

  /** The same space, whose calls are all made by one worker. */
  inOneThread() {
    return new RemoteSpace(this.#actors, this.#number, 0);
  }

  within(prefix) {
    const inside = ++numbers;
    for (let index = 0; index < this.#actors.count; index++) {
      this.#actors.call(index, "within", { space: this.#number, inside, prefix: encodeKeys(prefix) });
    }
    return new RemoteSpace(this.#actors, inside, this.#only);
  }

  atomic() {
    return new RemoteAtomic(async (steps) => {
      const { given, index } = posted(steps);
      return received(await this.#actors.ask(index() ?? this.#turn(), "atomic", { space: this.#number, steps: given }));
    });
  }

  watch(...all) {
    const [index, watch] = [this.#turn(), ++numbers];
    this.#actors.call(index, "watch", { space: this.#number, watch, given: posted(all).given });
    return new RemoteWatch((op) => this.#actors.ask(index, op, { watch }));
  }

  lock(keys, options) {
    return this.#request("lock", keys, options);
  }

  tryLock(keys, options) {
    return this.#request("tryLock", keys, options);
  }

  withLock(keys, second, third) {
    return third === undefined
      ? this.#request("withLock", keys, undefined, second)
      : this.#request("withLock", keys, second, third);
  }

  owner(label) {
    const [index, owner] = [this.#turn(), ++numbers];
    const shown = this.#actors.call(index, "owner", { space: this.#number, owner, label });
    return new RemoteOwner(this.#actors, index, owner, shown);
  }

  revoke(keys) {
    return this.#actors.ask(0, "revoke", { space: this.#number, keys: encodeKeys(keys) });
  }

  query(keys) {
    return this.#actors.ask(0, "query", { space: this.#number, keys: encodeKeys(keys) });
  }

  async close() {
    await this.#ask("close", {});
    await this.#keeper.close();
  }

  /** Asks all the workers, in one turn. */
  #ask(op, message) {
    const all = Array.from({ length: this.#actors.count }, (_, index) =>
      this.#actors.ask(index, op, { space: this.#number, ...message }),
    );
    return Promise.all(all);
  }

  /** The worker whose turn it is. */
  #turn() {
    return this.#only ?? this.#next++ % this.#actors.count;
  }

  /** A call on cells. */
  async cells(how, all) {
    const { given, index } = posted(all);
    return received(await this.#actors.ask(index() ?? this.#turn(), "cells", { space: this.#number, how, given }));
  }

  update(key, change, options) {
    const body = ({ entry }) => {
      const [read] = decodeArguments([entry], undefined);
      return change(read.value, read);
    };
    return this.#begin("update", { key: posted([key]).given[0] }, body, options);
  }

  transact(body, options) {
    return this.#begin(
      "transact",
      {},
      ({ attempt }, run, worker) => body(new RemoteTransaction(worker, run, attempt)),
      options,
    );
  }

  /** Has a worker make an update or a transaction whose body runs here. */
  #begin(op, message, body, given) {
    const { signal, owner, ...rest } = given ?? {};
    const {
      given: [options],
      index: holder,
    } = posted([rest]);
    const index = owner?.index ?? holder() ?? this.#turn();
    if (owner !== undefined) options.owner = owner.number;
    const worker = this.#worker(index);
    const more = { space: this.#number, ...message, ...(given && { options }) };
    if (signal) more.signal = signal.aborted ? "aborted" : "watched";
    return worker.begin(op, more, body, signal, (answer, call) => {
      const [{ value, ...done }] = decodeArguments([answer], undefined);
      if (op === "transact") return { value: call.returned, version: done.version, attempts: done.attempts };
      return { value, ...done };
    });
  }

  /** How a worker is asked and has bodies run here. */
  #worker(index) {
    const call = (op, message) => this.#actors.call(index, op, message);
    const worker = {
      call,
      callback(callback) {
        const id = ++numbers;
        calls.set(id, { called: callback });
        return id;
      },
      async through(run, how, all) {
        const answer = received(await this.ask("through", { run, how, given: posted(all).given }));
        return how === "set" || how === "delete" ? undefined : answer;
      },
      ask: (op, message) => this.#actors.ask(index, op, message),
      begin(op, message, body, signal, settled = (_, { returned }) => returned) {
        const id = ++numbers;
        return new Promise((resolve, reject) => {
          const known = { resolve, reject, signal };
          known.body = (shown, run) =>
            op === "savepoint" ? body(new RemoteTransaction(worker, run, shown.attempt)) : body(shown, run, worker);
          known.running = (shown) => runFor(known, shown, call, (value) => ({ value: posted([value]).given[0] }));
          known.settled = (answer) => settled(answer, known);
          calls.set(id, known);
          try {
            call(op, { id, ...message });
          } catch (error) {
            calls.delete(id);
            reject(error);
          }
          signal?.addEventListener("abort", () => call("abort", { id }), { once: true });
        });
      },
    };
    return worker;
  }

  #request(op, keys, given, body) {
    const index = given?.owner?.index ?? this.#turn();
    const id = ++numbers;
    const call = (what, message) => this.#actors.call(index, what, { id, ...message });
    const made = (shown) => new RemoteGuard({ actors: this.#actors, index, id }, shown);
    const { signal, ...options } = given ?? {};
    if (options.owner !== undefined) options.owner = options.owner.number;
    if ("shared" in options) options.shared = encodeKeys(options.shared);
    return new Promise((resolve, reject) => {
      const known = { resolve, reject, signal };
      if (body === undefined) {
        known.settled = (shown) => (shown ? made(shown) : shown);
      } else {
        known.settled = () => known.returned;
        known.running = (shown) => run(known, call, () => body(made(shown)));
      }
      calls.set(id, known);
      call(op, {
        space: this.#number,
        keys: encodeKeys(keys),
        ...(given && { options }),
        ...(signal && { signal: signal.aborted ? "aborted" : "watched" }),
      });
      signal?.addEventListener("abort", () => call("abort"), { once: true });
    });
  }
}

for (const how of ["get", "getMany", "set", "insert", "compareExchange", "delete", "list", "deleteAll"]) {
  RemoteSpace.prototype[how] = function (...given) {
    return this.cells(how, given);
  };
}

/** Runs a body here while the worker holds its lock, then lets the worker go on. */
async function run(known, call, body) {
  let threw = false;
  try {
    known.returned = await body();
  } catch (error) {
    known.thrown = error;
    threw = true;
  }
  call("end", { threw });
}

/** A clock in all threads. */
class SharedClock {
  name = `clock ${++numbers}`;
  here = testing.manualClock(this.name);

  get now() {
    return this.here.now;
  }

  advance(milliseconds) {
    this.here.advance(milliseconds);
  }
}

/** Starts so many worker threads; answers the package as they run it, and how to wait for them and to end them. */
export async function startActors(count) {
  const actors = new Actors(await Promise.all(Array.from({ length: count }, () => new Actor().start())));
  return {
    latchwork: {
      ...latchwork,
      open: (url = `memory:remote ${++numbers}`, { clock, ...limits } = {}) =>
        new RemoteSpace(actors).open(url, clock, limits),
    },
    testing: { ...testing, manualClock: () => new SharedClock() },
    settle: () => actors.settle(),
    end: () => actors.end(),
  };
}
