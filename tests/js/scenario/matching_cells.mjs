// Compares what came of cells with what the file expects. Versions are compared by their names: `versionOf` has them.

import { show } from "../check.mjs";
import { canonical, keyOf } from "./keys.mjs";

/** As those of `matching.mjs`: for each outcome of an operation on cells a function that answers what differs. */
export const COMPARE_CELLS = {
  entry: (host, actual, expected, names) => entry(host, actual, expected, names.version),
  entries: (host, actual, expected, names) =>
    inOrder(actual, expected, (one, of) => entry(host, one, of, names.version)),
  committed: (_, actual, expected, names) => version(actual.version, expected, names.version),
  conflict: (host, actual, expected, names) => entry(host, actual, expected, names.version),
  conflicts: (host, actual, expected, names) =>
    inOrder(actual, expected, (one, of) => conflict(host, one, of, names.version)),
  existed: (_, actual, expected) => differs("existed", actual, expected),
  deleted: (host, actual, expected) => inOrder(actual, expected, (one, of) => key(host, one, of)),
};

function entry(host, actual, expected, versionOf) {
  if (expected.absent) {
    const { value, version, expiresIn } = actual;
    if (value !== undefined || version !== 0 || expiresIn !== undefined) return `${show(actual)} is not absent`;
  } else if ((actual.version === 0 && !actual.isOwn) || show(actual.value) !== show(expected.value)) {
    return `${show(actual)} has not the value ${show(expected.value)}`;
  }
  return (
    (expected.key === undefined ? undefined : key(host, actual.key, expected.key)) ??
    (expected.expiresIn === undefined
      ? undefined
      : differs(
          "expiresIn",
          actual.expiresIn === undefined ? null : Math.round(actual.expiresIn),
          expected.expiresIn,
        )) ??
    version(actual.version, expected, versionOf)
  );
}

function version(actual, expected, versionOf) {
  const older = (expected.newerThan ?? []).find((name) => !(actual > versionOf(name)));
  return (
    (expected.version === undefined ? undefined : differs("version", actual, versionOf(expected.version))) ??
    (older && `version ${actual} is not newer than ${older}`)
  );
}

function conflict(host, actual, expected, versionOf) {
  return (
    key(host, actual.key, expected.key) ??
    differs("expected", actual.expected, versionOf(expected.expected)) ??
    entry(host, actual.entry, expected.entry, versionOf)
  );
}

function key(host, actual, expected) {
  return differs("key", canonical(actual), canonical(keyOf(host.latchwork, expected)));
}

function inOrder(actual, expected, compare) {
  if (actual.length !== expected.length) return `${show(actual)} are ${actual.length}, not ${expected.length}`;
  for (const [at, one] of expected.entries()) {
    const answer = compare(actual[at], one);
    if (answer !== undefined) return `[${at}]: ${answer}`;
  }
  return undefined;
}

function differs(name, actual, expected) {
  return Object.is(actual, expected) ? undefined : `${name} is ${show(actual)}, not ${show(expected)}`;
}
