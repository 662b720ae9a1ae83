import { must } from "./error.js";

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Refuses what is not a text, and a text with half of a surrogate pair: it has no form in the core, where two of them would
 * become one.
 *
 * @internal
 */
export function checkText(
  text: unknown,
  what: string,
  be = "a string without lone surrogates",
): asserts text is string {
  must(typeof text === "string" && isText(text), what, be);
}

/** Whether a string has no half of a surrogate pair alone. */
export function isText(string: string): boolean {
  return !LONE_SURROGATE.test(string);
}
