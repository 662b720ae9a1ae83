// Runs named tests one after the other and sends what became of them to the harness.

/** Sends the results of one run to the harness. */
export class Collector {
  #run;
  #queue = [];
  #sending = null;

  constructor(run) {
    this.#run = run;
    const stray = (event) => {
      event.preventDefault();
      const error = event.reason ?? event.error ?? new Error(event.message);
      this.fail("harness", `an error that nobody handled, ${event.type}`, error);
    };
    self.addEventListener("unhandledrejection", stray);
    self.addEventListener("error", stray);
  }

  /** Runs one test and reports it; a test that throws has failed, and the run goes on. */
  async test(suite, name, body) {
    await this.#send({ kind: "begin", test: `${suite}: ${name}` });
    const start = performance.now();
    try {
      await body();
      this.#push({ kind: "pass", suite, test: `${suite}: ${name}`, ms: performance.now() - start });
    } catch (error) {
      this.fail(suite, name, error, performance.now() - start);
    }
  }

  /** Reports a failure. */
  fail(suite, name, error, ms = 0) {
    this.#push({ kind: "fail", suite, test: `${suite}: ${name}`, ms, error: flatten(error) });
  }

  /** Reports a test that was left out, and why. */
  skip(suite, name, reason) {
    this.#push({ kind: "skip", suite, test: `${suite}: ${name}`, reason });
  }

  /** Has the harness print a line. */
  line(text) {
    this.#push({ kind: "line", text });
  }

  /** Tells the harness that nothing more will come. */
  done() {
    return this.#send({ kind: "done" });
  }

  #push(event) {
    this.#queue.push(event);
  }

  /** Sends what has gathered; one message at a time, so that they arrive in order. */
  async #send(event) {
    this.#push(event);
    while (this.#sending) await this.#sending;
    const events = this.#queue.splice(0);
    if (events.length === 0) return;
    const address = `/report?run=${encodeURIComponent(this.#run)}`;
    this.#sending = fetch(address, { method: "POST", body: JSON.stringify(events) }).finally(() => {
      this.#sending = null;
    });
    await this.#sending;
  }
}

/** What is left of an error when it is sent as JSON, with its causes. */
function flatten(error) {
  const seen = [];
  for (let next = error; next !== undefined && next !== null && seen.length < 5; next = next.cause) seen.push(next);
  const [first] = seen;
  const stack = seen.map((each) => each.stack ?? String(each)).join("\ncaused by ");
  return { name: first?.name, message: first?.message ?? String(first), stack };
}
