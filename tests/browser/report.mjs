// What the pages said, gathered, counted and printed.

/** Collects the results of every host, prints failures as they come in, and the counts at the end. */
export class Report {
  passed = 0;
  failed = 0;
  skipped = 0;
  #rows = new Map();

  /** Takes one event that a page sent. */
  add(host, event) {
    switch (event.kind) {
      case "pass":
        this.#count(host, event, "passed");
        break;
      case "fail":
        this.fail(host, event.test, event.error, event);
        break;
      case "skip":
        this.#count(host, event, "skipped");
        console.log(`skipped: ${host} ${event.test}: ${event.reason}`);
        break;
      case "line":
        console.log(event.text);
        break;
      default:
        this.fail(host, "harness", new Error(`no such event kind=${event.kind}`));
    }
  }

  /** Counts a failure and prints it with its stack. */
  fail(host, test, error, event = {}) {
    this.#count(host, event, "failed");
    console.log(`FAILED ${host} ${test}\n${indent(render(error))}`);
  }

  /** Prints what a page wrote to its console as an error; what it means is for the tests to say. */
  note(host, test, text) {
    console.log(`console error in ${host} during ${test}\n${indent(text)}`);
  }

  /** Prints one row for each host and suite of this browser. */
  printTable(browser) {
    const rows = [...this.#rows.values()].filter((row) => row.host === browser || row.host.startsWith(`${browser}-`));
    const cells = rows.map((row) => [row.host, row.suite, row.passed, row.failed, row.skipped, Math.round(row.ms)]);
    const lines = [["host", "suite", "passed", "failed", "skipped", "ms"], ...cells].map((line) => line.map(String));
    const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
    for (const line of lines) {
      const text = line.map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      );
      console.log(`  ${text.join("  ")}`);
    }
  }

  /** Prints the closing line that the task runner reads. */
  printSummary() {
    console.log(`${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`);
  }

  #count(host, { suite = "harness", ms = 0 }, outcome) {
    const name = `${host} ${suite}`;
    if (!this.#rows.has(name)) this.#rows.set(name, { host, suite, passed: 0, failed: 0, skipped: 0, ms: 0 });
    const row = this.#rows.get(name);
    row[outcome] += 1;
    row.ms += ms;
    this[outcome] += 1;
  }
}

/** Firefox leaves name and message out of a stack, Chromium puts them first: show both once. */
function render(error) {
  if (!error) return "no reason given";
  const title = `${error.name ?? "Error"}: ${error.message ?? error}`;
  const stack = error.stack ?? "";
  return stack.startsWith(title) ? stack : `${title}\n${stack}`;
}

function indent(text) {
  return text.trimEnd().replace(/^/gm, "    ");
}
