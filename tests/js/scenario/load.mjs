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
  const made = new Set();
  const owners = new Set();
  for (const step of scenario.steps) {
    const inner = step.turn ?? [step];
    const before = new Set(made);
    for (const one of inner) {
      if (one.actor !== undefined && !scenario.actors.includes(one.actor)) refuse(`an unknown actor: ${one.actor}`);
      for (const name of namedBy(one)) {
        if (!before.has(name) || owners.has(name)) refuse(`no earlier step made the result ${name}`);
      }
      for (const name of ownersNamedBy(one)) {
        if (!before.has(name) || !owners.has(name)) refuse(`no earlier step made the owner ${name}`);
      }
      if (one.as === undefined) continue;
      if (made.has(one.as)) refuse(`${one.as} is made twice`);
      made.add(one.as);
      if (one.op === "owner") owners.add(one.as);
    }
    // What is expected is looked at afterwards, so it may name what the step made.
    const expected = [step.then, ...inner.map((one) => one.expect)];
    for (const name of [...Object.keys(step.then ?? {}), ...expected.flatMap(tokensIn)]) {
      if (!made.has(name) || owners.has(name)) refuse(`no step up to it made ${name}`);
    }
    for (const name of expected.flatMap(ownersIn)) if (!owners.has(name)) refuse(`no step up to it made ${name}`);
  }
  for (const name of ownersIn(scenario.final)) if (!owners.has(name)) refuse(`no step made ${name}`);
  for (const name of tokensIn(scenario.final)) if (!made.has(name)) refuse(`no step made ${name}`);
  return scenario;
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
