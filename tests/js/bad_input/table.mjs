// The table of bad input as JavaScript reads it: see ../../bad-input/README.md.

import { fail } from "../check.mjs";
import { validate } from "../scenario/schema.mjs";

const HOST = "javascript";

/** Reads the table, and refuses one that does not keep to its schema. */
export async function readTable(host) {
  const [schema, table] = await Promise.all(["schema", "table"].map((file) => host.read(`bad-input/${file}.json`)));
  const answer = validate(schema, table);
  if (answer !== true) fail(`the table is refused: ${answer}`);
  return table;
}

/** The operations that this language has, each with its cases. */
export function operationsOf(table) {
  const own = table.operations.filter((operation) => operation[HOST] !== undefined);
  return own.map(({ name, receivers = {}, [HOST]: { members, calls, parameters, also = [] } }) => ({
    name,
    members,
    receivers,
    calls: calls.map((call) => ({ call, given: defaults(table, call, parameters) })),
    cases: [...calls.flatMap((call) => casesOf(table, call, parameters)), ...also.map(explicit)],
  }));
}

/** The text of a value in this language; nothing where it cannot be spelled. */
export function spelling(table, value) {
  const spelled = table.values[value]?.[HOST] ?? fail(`no such value: ${value}`);
  return typeof spelled === "string" ? spelled : undefined;
}

/** What is in the table besides operations: it takes no arguments that could be wrong. */
export function exemptions(table) {
  return Object.values(table.exempt[HOST]).flat();
}

/** Every value at every parameter that this call names. */
function casesOf(table, call, parameters) {
  const given = defaults(table, call, parameters);
  return Object.entries(parameters).flatMap(([name, parameter]) => {
    if (!names(call, name)) return [];
    const own = parameter.kind === undefined ? [] : valuesAt(table, parameter, parameter.what ?? name);
    const cases = own.map(({ text, ...expected }) => ({ ...expected, call, given: { ...given, [name]: text } }));
    return [...cases, ...optionsAt(table, parameter.bag, (text) => ({ call, given: { ...given, [name]: text } }))];
  });
}

/** Every value at every option of a bag, and options that are none. */
function optionsAt(table, bag, at) {
  if (bag === undefined) return [];
  const options = Object.entries(table.bags[bag]).filter(([, { hosts = [HOST] }]) => hosts.includes(HOST));
  const cases = options.flatMap(([name, option]) =>
    valuesAt(table, typeof option === "string" ? { kind: option } : option, name).map(({ text, ...expected }) => ({
      ...expected,
      ...at(`{ ${name}: ${text} }`),
    })),
  );
  const all = Object.values(table.bags).flatMap((other) => Object.keys(other));
  const unknown = [...new Set([...all, "timeOut", "keys"])].filter(
    (name) => !options.some(([known]) => known === name),
  );
  return [
    ...cases,
    ...unknown.map((name) => ({ value: "unknown option", code: "invalid", what: name, ...at(`{ ${name}: 1 }`) })),
  ];
}

/** Each value that can be spelled, and what becomes of it at a parameter of this kind. */
function valuesAt(table, { kind, right: more = [] }, what) {
  const { right, names: named } = table.kinds[kind] ?? fail(`no such kind: ${kind}`);
  const accepted = new Set([...expand(table, right[HOST] ?? fail(`nothing is right for ${kind}`)), ...more]);
  return Object.keys(table.values).flatMap((value) => {
    const text = spelling(table, value);
    if (text === undefined) return [];
    if (accepted.has(value)) return [{ value, text, code: "accepted" }];
    // An object may be refused for what it holds: then the error names that.
    return [{ value, text, code: "invalid", what: named === "option" ? undefined : what }];
  });
}

function defaults(table, call, parameters) {
  const used = Object.entries(parameters).filter(([name]) => names(call, name));
  return Object.fromEntries(
    used.map(([name, { kind }]) => [name, spelling(table, expand(table, table.kinds[kind].right[HOST])[0])]),
  );
}

function explicit({ call, code, what }) {
  return { value: "as written", call, given: {}, code, what };
}

/** Names of values, those of sets put in their place. */
function expand(table, names) {
  return names.flatMap((name) => (name in table.sets ? expand(table, table.sets[name]) : [name]));
}

function names(call, name) {
  return new RegExp(`\\b${name}\\b`).test(call);
}
