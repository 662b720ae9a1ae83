/**
 * How a codec says no: what is wrong with which part of a value.
 *
 * @internal
 */

import { invalid } from "./error.js";

/** How deep arrays, objects, maps and sets may be nested in a value. */
export const DEEPEST = 100;

/** How much is shown of a long name, and of a long path at each end. */
const SHOWN = 40;

/** A part of a value that cannot be in one. On its way out each container adds where it is. */
class Refusal {
  readonly why: string;
  path = "";

  constructor(why: string) {
    this.why = why;
  }
}

/** What to throw where a part of a value is refused. */
export function refusal(why: string): unknown {
  return new Refusal(why);
}

/** What to throw on: an error that came out of the part with this name or index. */
export function from(part: unknown, error: unknown): unknown {
  if (error instanceof Refusal) error.path = `[${spelled(part)}]${error.path}`;
  return error;
}

/** Runs a check of a value; a refusal becomes `invalid`, naming the part: `value["user"]["tags"][2]`. */
export function named<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof Refusal ? invalid(`value${shortened(error.path)}`, error.why) : error;
  }
}

/** Goes into a container: refuses one that contains itself, and one that is nested too deep. */
export function enter(container: object, above: object[]): void {
  if (above.includes(container)) throw refusal("contains itself");
  if (above.length === DEEPEST) throw refusal(`nested deeper than ${DEEPEST}`);
  above.push(container);
}

/** Reads bytes; whatever goes wrong with them is `invalid`. */
export function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const why = error instanceof Refusal ? error.why : error instanceof Error ? error.message : error;
    throw invalid("value", `cannot be read: ${why}`);
  }
}

function spelled(part: unknown): string {
  if (typeof part !== "string") return String(part);
  return JSON.stringify(part.length > SHOWN ? `${part.slice(0, SHOWN)}…` : part);
}

function shortened(path: string): string {
  return path.length > 4 * SHOWN ? `${path.slice(0, SHOWN)}…${path.slice(-SHOWN)}` : path;
}
