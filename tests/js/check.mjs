// The few assertions that the suite needs, the same in every host.

/** Fails with a message. */
export function fail(message) {
  throw new Error(message);
}

/** The condition holds. */
export function ok(condition, message = "expected a true value") {
  if (!condition) fail(message);
}

/** Both are the same value. */
export function is(actual, expected, message = "") {
  if (!Object.is(actual, expected)) fail(`${message}${message && ": "}${show(actual)} is not ${show(expected)}`);
}

/** Both have the same contents. */
export function same(actual, expected, message = "") {
  const [left, right] = [show(actual), show(expected)];
  if (left !== right) fail(`${message}${message && ": "}${left} is not ${right}`);
}

/** The function throws; answers what. */
export function throws(run, message = "expected an error") {
  try {
    run();
  } catch (error) {
    return error;
  }
  return fail(message);
}

/** The promise is rejected; answers with what. */
export async function rejects(promise, message = "expected a rejection") {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return fail(`${message}, not ${show(value)}`);
}

/** It is a Latchwork error with this code and these fields. */
export function isError(host, error, code, fields = {}) {
  if (!(error instanceof host.latchwork.LatchworkError)) fail(`not a LatchworkError: ${error?.stack ?? show(error)}`);
  is(error.code, code, `the code of "${error.message}"`);
  for (const [name, value] of Object.entries(fields)) same(error[name], value, `${name} of "${error.message}"`);
  return error;
}

/** The space holds nothing and nobody waits. */
export async function isEmpty(space) {
  same(await space.query(), { held: [], pending: [] }, "the space");
}

/** A value as text that tells contents and types apart. */
export function show(value) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string" || typeof value === "boolean" || value === null) return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof Uint8Array) return `bytes(${[...value]})`;
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (value instanceof Error) return `${value.name}(${value.message})`;
  if (typeof value !== "object") return String(value);
  const prototype = Object.getPrototypeOf(value);
  if (Array.isArray(value.parts)) return `key(${value.parts.map(show).join(", ")})`;
  if (prototype !== null && prototype !== Object.prototype) return `[${prototype.constructor?.name}]`;
  const fields = Object.keys(value).sort();
  return `{ ${fields.map((field) => `${field}: ${show(value[field])}`).join(", ")} }`;
}
