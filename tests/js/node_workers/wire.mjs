// How keys, guards and errors cross between threads.

import { key, turnOf } from "latchwork";

/** Which of a thread's flags says that it has answered, and which counts what was sent to it. */
export const ANSWERED = 0;
export const SENT = 1;

/** One key or several, as they can be posted. */
export function encodeKeys(keys) {
  if (Array.isArray(keys)) return keys.map(encodeKeys);
  if (keys?.parts?.[0] === "turn of") return { turn: keys.parts.slice(1).map(encodeKeys) };
  return Array.isArray(keys?.parts) ? { tuple: keys.parts.map(encodeKeys) } : keys;
}

/** The opposite of {@link encodeKeys}. */
export function decodeKeys(keys) {
  if (Array.isArray(keys)) return keys.map(decodeKeys);
  if (keys?.turn !== undefined) return turnOf(...keys.turn.map(decodeKeys));
  return Array.isArray(keys?.tuple) ? key(...keys.tuple.map(decodeKeys)) : keys;
}

/** What a call on cells is given, as it can be posted. `numberOf`: the number of a guard. */
export function encodeArguments(given, numberOf) {
  const encode = (each) => {
    if (typeof each !== "object" || each === null || ArrayBuffer.isView(each)) return each;
    const number = numberOf(each);
    if (number !== undefined) return { "#guard": number };
    if (Array.isArray(each.parts)) return { "#tuple": each.parts.map(encode) };
    if (Array.isArray(each)) return each.map(encode);
    return Object.fromEntries(Object.entries(each).map(([name, value]) => [name, encode(value)]));
  };
  return given.map(encode);
}

/** The opposite of {@link encodeArguments}. */
export function decodeArguments(given, guardOf) {
  const decode = (each) => {
    if (typeof each !== "object" || each === null || ArrayBuffer.isView(each)) return each;
    if (Array.isArray(each)) return each.map(decode);
    if ("#guard" in each) return guardOf(each["#guard"]);
    if ("#tuple" in each) return key(...each["#tuple"].map(decode));
    return Object.fromEntries(Object.entries(each).map(([name, value]) => [name, decode(value)]));
  };
  return given.map(decode);
}

/** What a guard shows. */
export function guardOf({ keys, shared, token, label, abandoned, payload }) {
  return { keys, shared, token, label, abandoned, payload };
}

/** An error as it can be posted. */
export function errorOf(error, LatchworkError) {
  if (!(error instanceof LatchworkError)) return { stack: error?.stack ?? String(error) };
  const { code, message, ...fields } = error;
  return { code, message, fields };
}

/** The opposite of {@link errorOf}. */
export function errorFrom({ code, message, fields, stack }, LatchworkError) {
  if (code === undefined) return new Error(`in the worker: ${stack}`);
  return new LatchworkError(code, message, fields);
}
