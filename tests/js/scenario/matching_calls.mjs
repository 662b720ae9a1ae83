// Compares what came of updates and transactions with what the file expects.

import { show } from "../check.mjs";
import { canonical, keyOf } from "./keys.mjs";
import { COMPARE_CELLS } from "./matching_cells.mjs";

/** As those of `matching.mjs`. `attempt`: a body that runs. */
export const COMPARE_CALLS = {
  attempt: (host, actual, expected, names) =>
    given("attempt", actual, expected) ??
    (expected.entry === undefined ? undefined : COMPARE_CELLS.entry(host, actual.entry, expected.entry, names)),
  done: (host, actual, expected, names) =>
    ("value" in expected ? differs("value", actual.value ?? null, expected.value) : undefined) ??
    given("attempts", actual, expected) ??
    given("changed", actual, expected) ??
    COMPARE_CELLS.committed(host, actual, expected, names),
  callbacks: (_, actual, expected) => differs("callbacks", actual, expected),
};

/** Compares a cell that stood in the way of a call. */
export const staleDiffer = (host, names) => (actual, expected) =>
  (expected.key === undefined
    ? undefined
    : differs("key", canonical(actual.key), canonical(keyOf(host.latchwork, expected.key)))) ??
  (expected.expected === undefined
    ? undefined
    : differs("expected", actual.expected, names.version(expected.expected))) ??
  (expected.version === undefined ? undefined : differs("version", actual.version, names.version(expected.version)));

function given(name, actual, expected) {
  return expected[name] === undefined ? undefined : differs(name, actual[name], expected[name]);
}

function differs(name, actual, expected) {
  return show(actual) === show(expected) ? undefined : `${name} is ${show(actual)}, not ${show(expected)}`;
}
