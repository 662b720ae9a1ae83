// Updates and transactions that a worker makes: it runs the body by having it run here, and waits for how it ends.

import { DELETE, KEEP, LatchworkError } from "latchwork";
import { errorFrom } from "./wire.mjs";

/** What a function answers that is no value, as it can be posted. */
const ANSWERS = new Map([
  [KEEP, "keep"],
  [DELETE, "delete"],
]);

/** Runs a body here for a worker that waits for it. `tell`: makes that worker a call. */
export async function runFor(call, { run, ...shown }, tell, given) {
  try {
    const value = await call.body(shown, run);
    call.returned = value;
    tell("endRun", { run, ...(ANSWERS.has(value) ? { answer: ANSWERS.get(value) } : given(value)) });
  } catch (error) {
    call.thrown = error;
    tell("endRun", { run, threw: true });
  }
}

/** The handle on a body that runs in a worker. */
export class RemoteTransaction {
  #worker;
  #run;

  /** `worker`: how it is asked, called, and has a body run. */
  constructor(worker, run, attempt) {
    this.#worker = worker;
    this.#run = run;
    this.attempt = attempt;
  }

  transact(body) {
    return this.#worker.begin("savepoint", { run: this.#run }, (inner) => body(inner));
  }

  abort(reason) {
    return this.#marks("abort", [reason]);
  }

  retry() {
    return this.#marks("retry", []);
  }

  onCommit(callback) {
    this.#worker.call("onCommit", { run: this.#run, callback: this.#worker.callback(callback) });
  }

  #marks(how, given) {
    const { code, message, fields } = this.#worker.call("mark", { run: this.#run, how, given });
    throw errorFrom({ code, message, fields }, LatchworkError);
  }

  static {
    for (const how of ["get", "getMany", "set", "insert", "delete", "list"]) {
      RemoteTransaction.prototype[how] = function (...given) {
        return this.#worker.through(this.#run, how, given);
      };
    }
  }
}
