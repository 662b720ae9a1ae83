// Reads a scenario file and refuses what no runner may run.

import { validate } from "./schema.mjs";

/** Throws unless the file keeps to the format. */
export function checkFile(schema, file, scenario) {
  const answer = validate(schema, scenario);
  if (answer !== true) throw new Error(`${file} is refused: ${answer}`);
  const refuse = (why) => {
    throw new Error(`${file} is refused: ${why}`);
  };
  if (`${scenario.name}.json` !== file) refuse(`its name is ${scenario.name}`);
  for (const actor of Object.keys(scenario.setup?.handles ?? {})) {
    if (!scenario.actors.includes(actor)) refuse(`a handle for an unknown actor: ${actor}`);
  }
  for (const actor of Object.keys(scenario.setup?.within ?? {})) {
    if (!scenario.actors.includes(actor)) refuse(`a sub-space for an unknown actor: ${actor}`);
    if (scenario.orders !== undefined) refuse("a sub-space beside orders");
  }
  const made = new Set();
  const owners = new Set();
  const kinds = new Map();
  const isNot = (name, ...wanted) => !wanted.includes(kinds.get(name));
  for (const step of scenario.steps) {
    const inner = step.turn ?? [step];
    const before = new Set(made);
    for (const one of inner) {
      if (one.actor !== undefined && !scenario.actors.includes(one.actor)) refuse(`an unknown actor: ${one.actor}`);
      for (const name of namedBy(one)) {
        if (!before.has(name) || isNot(name, "result", "call")) refuse(`no earlier step made the result ${name}`);
      }
      for (const [name, ...wanted] of cellNamesOf(one)) {
        if (!before.has(name) || isNot(name, ...wanted)) refuse(`no earlier step made the ${wanted[0]} ${name}`);
      }
      for (const name of ownersNamedBy(one)) {
        if (!before.has(name) || !owners.has(name)) refuse(`no earlier step made the owner ${name}`);
      }
      if (one.as === undefined) continue;
      if (made.has(one.as)) refuse(`${one.as} is made twice`);
      made.add(one.as);
      kinds.set(one.as, MADE[one.op] ?? "result");
      if (one.op === "owner") owners.add(one.as);
    }
    // What is expected is looked at afterwards, so it may name what the step made.
    const expected = [step.then, ...inner.map((one) => one.expect)];
    for (const name of [...Object.keys(step.then ?? {}), ...expected.flatMap(tokensIn)]) {
      if (isNot(name, "result", "call")) refuse(`no step up to it made ${name}`);
    }
    for (const name of [...Object.values(step.then ?? {}), ...inner.map((one) => one.expect)].flatMap(versionsIn)) {
      if (isNot(name, "version", "entry", "call")) refuse(`no step up to it named the version ${name}`);
    }
    for (const name of expected.flatMap(ownersIn)) if (!owners.has(name)) refuse(`no step up to it made ${name}`);
  }
  for (const name of ownersIn(scenario.final)) if (!owners.has(name)) refuse(`no step made ${name}`);
  for (const name of tokensIn(scenario.final)) if (!made.has(name)) refuse(`no step made ${name}`);
  for (const name of versionsIn({ entries: scenario.final.cells })) {
    if (isNot(name, "version", "entry", "call")) refuse(`no step named the version ${name}`);
  }
  return scenario;
}

/** What steps make that is no result. */
const MADE = {
  owner: "owner",
  watch: "watch",
  get: "entry",
  set: "version",
  insert: "version",
  compareExchange: "version",
  atomic: "version",
  update: "call",
  transact: "call",
};

/** What a step on cells uses: each name with the kinds that it may be of. */
function cellNamesOf({ op, args = {} }) {
  const of = ({ entry, version }) => [
    ...(typeof entry === "string" ? [[entry, "entry"]] : []),
    ...(typeof version === "string" ? [[version, "version", "entry", "call"]] : []),
  ];
  const steps = op === "atomic" ? (args.steps ?? []) : [];
  const guards = steps.filter((step) => step.guard !== undefined).map(({ guard }) => [guard, "result"]);
  const watch = args.watch === undefined ? [] : [[args.watch, "watch"]];
  const tx = args.tx === undefined ? [] : [[args.tx, "call"]];
  return [...of(args), ...steps.flatMap(of), ...guards, ...watch, ...tx];
}

/** The versions that an outcome names. */
function versionsIn(outcome) {
  if (typeof outcome !== "object" || outcome === null) return [];
  const { entry, entries = [], committed, conflict, conflicts = [], running, done, error } = outcome;
  const seen = [entry, ...entries, committed, conflict, ...conflicts.map((one) => one.entry), running?.entry, done];
  const named = seen.flatMap((one) => [one?.version, ...(one?.newerThan ?? [])]);
  const stale = (error?.conflicts ?? []).flatMap(({ expected, version }) => [expected, version]);
  return [...named, ...stale, ...conflicts.map(({ expected }) => expected)].filter((name) => typeof name === "string");
}

/** The results that a step uses. */
function namedBy({ args = {} }) {
  return [args.result, args.guard].filter((name) => name !== undefined);
}

/** The owners that a step uses. */
function ownersNamedBy({ args = {} }) {
  return [args.owner, args.to].filter((name) => name !== undefined);
}

/** The owners that an expectation names. */
function ownersIn(expected) {
  if (typeof expected !== "object" || expected === null) return [];
  return Object.entries(expected).flatMap(([field, value]) => {
    if (field === "payload" || field === "returned") return [];
    return field === "owner" && typeof value === "string" ? [value] : ownersIn(value);
  });
}

/** The results whose tokens an expectation names. */
function tokensIn(expected) {
  if (typeof expected !== "object" || expected === null) return [];
  return Object.entries(expected).flatMap(([field, value]) => {
    if (field !== "token") return tokensIn(value);
    return typeof value === "string" ? [value] : (value?.greaterThan ?? []);
  });
}
