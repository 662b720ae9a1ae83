// Compares what came with what the file expects; fields that the file does not name are not looked at.

import { canonical, keyOf } from "./keys.mjs";
import { COMPARE_CALLS, staleDiffer } from "./matching_calls.mjs";
import { COMPARE_CELLS } from "./matching_cells.mjs";

/** Answers undefined where the outcome is as expected, else what differs. `tokenOf`: the token of a named result. */
export function mismatch(host, actual, expected, tokenOf) {
  const wanted = typeof expected === "string" ? { [expected]: {} } : expected;
  const [kind] = Object.keys(wanted);
  if (!(kind in actual)) return `${describe(actual)}, not ${JSON.stringify(expected)}`;
  const differs = COMPARE[kind]?.(host, actual[kind], wanted[kind], tokenOf);
  return differs && `${kind}: ${differs}`;
}

const COMPARE = {
  granted: guard,
  running: (host, actual, expected, tokenOf) =>
    ("attempt" in actual ? COMPARE_CALLS.attempt : guard)(host, actual, expected, tokenOf),
  returned: (_, actual, expected) => differs("value", JSON.stringify(actual), JSON.stringify(expected)),
  threw: (_, actual, expected) => differs("message", actual, expected),
  error: (host, actual, expected, tokenOf) =>
    differs("code", actual.code, expected.code) ??
    keysDiffer(host, "keys", actual.keys, expected.keys) ??
    (expected.waited !== undefined ? differs("waited", Math.round(actual.waited), expected.waited) : undefined) ??
    optional("position", actual, expected) ??
    optional("what", actual, expected) ??
    optional("limit", actual, expected) ??
    optional("attempts", actual, expected) ??
    optional("reason", actual, expected) ??
    (expected.conflicts && list("conflicts", actual.conflicts, expected.conflicts, staleDiffer(host, tokenOf))) ??
    (expected.cycle && inOrder("cycle", actual.cycle ?? [], expected.cycle, step(host, tokenOf))) ??
    (expected.blockedBy && list("blockedBy", actual.blockedBy, expected.blockedBy, blocker(host, tokenOf))),
  count: (_, actual, expected) => differs("count", actual, expected),
  delivered: (_, actual, expected) => differs("delivered", actual, expected),
  query: (host, actual, expected, tokenOf) =>
    list("held", actual.held, expected.held, hold(host, tokenOf)) ??
    list("pending", actual.pending, expected.pending, wait(host, tokenOf)),
  ...COMPARE_CELLS,
  ...COMPARE_CALLS,
};

function guard(host, actual, expected, tokenOf) {
  const smaller = (expected.token?.greaterThan ?? []).find((name) => !(actual.token > tokenOf(name)));
  return (
    keysDiffer(host, "keys", actual.keys, expected.keys) ??
    keysDiffer(host, "shared", actual.shared, expected.shared) ??
    nullable("label", actual, expected) ??
    optional("held", actual, expected) ??
    optional("abandoned", actual, expected) ??
    (expected.lost === undefined ? undefined : differs("lost", actual.lost.aborted, expected.lost)) ??
    owner(actual.owner, expected, tokenOf) ??
    (expected.payload === undefined
      ? undefined
      : differs("payload", JSON.stringify(actual.payload ?? null), JSON.stringify(expected.payload))) ??
    (smaller && `token ${actual.token} is not greater than that of ${smaller}`)
  );
}

const hold = (host, tokenOf) => (actual, expected) =>
  keysDiffer(host, "keys", actual.keys, expected.keys ?? []) ??
  keysDiffer(host, "shared", actual.shared, expected.shared ?? []) ??
  (expected.token !== undefined ? differs("token", actual.token, tokenOf(expected.token)) : undefined) ??
  nullable("label", actual, expected) ??
  owner(actual.owner, expected, tokenOf) ??
  age(actual, expected) ??
  optional("claimed", actual, expected);

const wait = (host, tokenOf) => (actual, expected) =>
  keysDiffer(host, "keys", actual.keys, expected.keys ?? []) ??
  keysDiffer(host, "shared", actual.shared, expected.shared ?? []) ??
  nullable("label", actual, expected) ??
  owner(actual.owner, expected, tokenOf) ??
  age(actual, expected) ??
  optional("position", actual, expected) ??
  (expected.blockedBy && list("blockedBy", actual.blockedBy, expected.blockedBy, blocker(host, tokenOf)));

const blocker = (host, tokenOf) => (actual, expected) =>
  keysDiffer(host, "key", [actual.key], [expected.key]) ??
  (expected.token !== undefined
    ? differs("token", actual.token ?? null, expected.token === null ? null : tokenOf(expected.token))
    : undefined) ??
  owner(actual.owner, expected, tokenOf) ??
  nullable("label", actual, expected);

const step = (host, tokenOf) => (actual, expected) =>
  keysDiffer(host, "key", [actual.key], [expected.key]) ??
  owner(actual.owner, expected, tokenOf) ??
  nullable("label", actual, expected);

/** Whose it is: the file names owners as it made them. `ids.owner`: the id of one. */
function owner(actual, expected, ids) {
  if (expected.owner === undefined) return undefined;
  return differs("owner", actual?.id ?? null, expected.owner === null ? null : ids.owner(expected.owner));
}

/** As many, one after the other. */
function inOrder(name, actual, expected, compare) {
  if (actual.length !== expected.length) return `${name}: ${actual.length} entries, not ${expected.length}`;
  for (const [at, entry] of expected.entries()) {
    const differs = compare(actual[at], entry);
    if (differs !== undefined) return `${name}[${at}]: ${differs}`;
  }
  return undefined;
}

/** Each expected entry takes the first entry left that fits it. */
function list(name, actual, expected, compare) {
  if (actual.length !== expected.length) return `${name}: ${actual.length} entries, not ${expected.length}`;
  const left = [...actual];
  for (const entry of expected) {
    const answers = left.map((one) => compare(one, entry));
    const index = answers.indexOf(undefined);
    if (index < 0) return `${name}: nothing fits ${JSON.stringify(entry)}: ${answers.join("; ")}`;
    left.splice(index, 1);
  }
  return undefined;
}

function keysDiffer(host, name, actual, expected) {
  if (expected === undefined) return undefined;
  const texts = (keys) => keys.map(canonical).sort().join("; ");
  return differs(name, texts(actual ?? []), texts(expected.map((key) => keyOf(host.latchwork, key))));
}

function age(actual, expected) {
  if (expected.age === undefined) return undefined;
  return differs("age", actual.age === undefined ? null : Math.round(actual.age), expected.age);
}

function nullable(name, actual, expected) {
  return expected[name] === undefined ? undefined : differs(name, actual[name] ?? null, expected[name]);
}

function optional(name, actual, expected) {
  return expected[name] === undefined ? undefined : differs(name, actual[name], expected[name]);
}

function differs(name, actual, expected) {
  return actual === expected ? undefined : `${name} is ${String(actual)}, not ${String(expected)}`;
}

/** An outcome as text. */
export function describe(outcome) {
  const [[kind, value]] = Object.entries(outcome);
  if (kind === "error") return `error ${value.code} (${value.message})`;
  if (kind === "query")
    return `query ${JSON.stringify(value, (_, field) => (typeof field === "bigint" ? `${field}n` : field))}`;
  return kind === "threw" || kind === "returned" ? `${kind} ${JSON.stringify(value)}` : kind;
}
