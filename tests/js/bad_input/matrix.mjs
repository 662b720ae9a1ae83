// Runs the cases of an operation and tells what went wrong.

import { fail } from "../check.mjs";
import { Stage } from "./stage.mjs";

/** Messages do not repeat what they were given, at most an address. */
const LONGEST_MESSAGE = 2500;

/** Runs every case of an operation; answers how many there were, and what failed. */
export async function runOperation(host, { calls, cases, receivers }) {
  const failures = [];
  const stage = await Stage.open(host);
  const run = async (title, given, { call, code, what }) => {
    const before = await stage.seen();
    try {
      const answer = await stage.call(call, await given());
      const refusal = check(host, answer, code, what);
      // Also where it should have been refused: what it took would stand in the way of the cases after it.
      if (answer.error === undefined) await stage.giveBack(answer.value);
      if (refusal !== undefined) fail(refusal);
      if (code !== "accepted" && (await stage.seen()) !== before) fail(`it changed ${before} to ${await stage.seen()}`);
      await stage.works();
    } catch (error) {
      failures.push(`${call} with ${title}: ${error.message}`);
    }
  };
  for (const one of cases) {
    const title = `${one.value} ${JSON.stringify(one.given)}`.slice(0, 200);
    await run(title, () => values(stage, one.given), one);
  }
  let count = cases.length;
  for (const [name, code] of Object.entries(receivers)) {
    for (const { call, given } of calls) {
      count++;
      await run(name, async () => ({ ...values(stage, given), ...(await stage.receiver(name)) }), { call, code });
    }
  }
  await stage.close().catch((error) => failures.push(`the space at the end: ${error.message}`));
  return { count, failures };
}

function values(stage, given) {
  return Object.fromEntries(Object.entries(given).map(([name, text]) => [name, stage.evaluate(text)]));
}

/** What is wrong with how a call ended; nothing where it ended as it must. */
function check({ latchwork: { LatchworkError } }, { value, error }, code, what) {
  if (code === "accepted") return error === undefined ? undefined : `refused: ${String(error?.stack ?? error)}`;
  if (error === undefined) return `accepted, with ${typeof value}`;
  if (code === "language") {
    return error instanceof TypeError ? undefined : `not a TypeError of the language: ${error?.stack ?? String(error)}`;
  }
  if (!(error instanceof LatchworkError)) return `not a LatchworkError: ${error?.stack ?? String(error)}`;
  if (error.code !== code) return `the code is ${error.code}: ${error.message}`;
  if (!/^[a-z]/.test(error.message)) return `the message is not lower-case: ${error.message}`;
  if (error.message.length > LONGEST_MESSAGE) return `a message of ${error.message.length} characters`;
  if (code !== "invalid") return undefined;
  if (typeof error.what !== "string" || typeof error.why !== "string" || error.why === "") return "it names nothing";
  if (!error.message.includes(error.what) || !error.message.includes(error.why)) {
    return `the message does not say what and why: ${error.message}`;
  }
  const named = what === undefined || error.what === what || isPart(error.what, what);
  return named ? undefined : `it names ${error.what}, not ${what}`;
}

/** `keys[1]` of `keys`. */
function isPart(named, what) {
  return named.startsWith(`${what}[`) && /^(\[\d+\])+$/.test(named.slice(what.length));
}
