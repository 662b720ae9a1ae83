/**
 * Values to CBOR. The library writes tokens; which tokens a value is, and what is none, is decided here, in one walk in which
 * each part is looked at once.
 *
 * @internal
 */

import { encode, Token, Type } from "cborg";
import { Tag } from "./codec_cbor_tags.js";
import { dateText } from "./codec_date.js";
import { checkString, kindOf, notValue } from "./codec_kind.js";
import { enter, from, refusal } from "./codec_refusal.js";

const [NULL, TRUE, FALSE] = [new Token(Type.null, null), new Token(Type.true, true), new Token(Type.false, false)];
const [LARGEST, SMALLEST] = [2n ** 64n - 1n, -(2n ** 64n)];

/** The bytes of a value. */
export function write(value: unknown): Uint8Array {
  const tokens: Token[] = [];
  put(value, tokens, []);
  // How tokens of one's own are given to the library: as the form of a type, here of functions, which no value has.
  return encode(write, { typeEncoders: { Function: () => tokens } });
}

/** Adds the tokens of a value. `above`: the containers that it is in. */
function put(value: unknown, tokens: Token[], above: object[]): void {
  switch (typeof value) {
    case "string":
      checkString(value);
      tokens.push(new Token(Type.string, value));
      return;
    case "number":
      tokens.push(numberToken(value));
      return;
    case "boolean":
      tokens.push(value ? TRUE : FALSE);
      return;
    case "bigint":
      putInteger(value, tokens);
      return;
    case "object":
      if (value === null) tokens.push(NULL);
      else putObject(value, tokens, above);
      return;
    default:
      throw notValue(value);
  }
}

function putObject(value: object, tokens: Token[], above: object[]): void {
  const kind = kindOf(value);
  if (kind === "bytes") {
    tokens.push(new Token(Type.bytes, value));
    return;
  }
  if (kind === "date") {
    tokens.push(new Token(Type.tag, Tag.Date), new Token(Type.string, dateText(value as Date)));
    return;
  }
  enter(value, above);
  if (kind === "object") putProperties(value as Record<string, unknown>, tokens, above);
  else if (kind === "array") putItems(value as unknown[], tokens, above);
  else if (kind === "map") putEntries(value as Map<unknown, unknown>, tokens, above);
  else putMembers(value as Set<unknown>, tokens);
  above.pop();
}

function putProperties(object: Record<string, unknown>, tokens: Token[], above: object[]): void {
  const names = Object.keys(object);
  tokens.push(new Token(Type.map, names.length));
  for (const name of names) {
    try {
      checkString(name);
      tokens.push(new Token(Type.string, name));
      put(object[name], tokens, above);
    } catch (error) {
      throw from(name, error);
    }
  }
}

function putItems(items: unknown[], tokens: Token[], above: object[]): void {
  const { length } = items;
  tokens.push(new Token(Type.array, length));
  for (let index = 0; index < length; index++) {
    try {
      put(items[index], tokens, above);
    } catch (error) {
      throw from(index, error);
    }
  }
}

function putEntries(map: Map<unknown, unknown>, tokens: Token[], above: object[]): void {
  const entries = [...Map.prototype.entries.call(map)] as [unknown, unknown][];
  // Without the tag it would be read as an object.
  if (entries.every(([key]) => typeof key === "string")) tokens.push(new Token(Type.tag, Tag.Map));
  tokens.push(new Token(Type.map, entries.length));
  const seen = new Set();
  for (const [key, value] of entries) {
    putName(key, tokens, seen);
    try {
      put(value, tokens, above);
    } catch (error) {
      throw from(key, error);
    }
  }
}

function putMembers(set: Set<unknown>, tokens: Token[]): void {
  const members = [...Set.prototype.values.call(set)];
  tokens.push(new Token(Type.tag, Tag.Set), new Token(Type.array, members.length));
  const seen = new Set();
  for (const member of members) putName(member, tokens, seen);
}

/**
 * A key of a map or a member of a set: those that every language tells apart alike. `seen`: the others of the container; a
 * number and the same bigint are one.
 */
function putName(name: unknown, tokens: Token[], seen: Set<unknown>): void {
  if (typeof name === "string") {
    checkString(name);
    tokens.push(new Token(Type.string, name));
    return;
  }
  if (typeof name !== "bigint" && !Number.isSafeInteger(name)) {
    throw refusal("keys of a map and members of a set must be strings or integers");
  }
  const integer = BigInt(name as number | bigint);
  if (seen.has(integer)) throw refusal(`${integer} is there twice, as a number and as a bigint`);
  seen.add(integer);
  putInteger(integer, tokens);
}

function numberToken(number: number): Token {
  if (!Number.isSafeInteger(number) || Object.is(number, -0)) return new Token(Type.float, number);
  return new Token(number < 0 ? Type.negint : Type.uint, number);
}

function putInteger(integer: bigint, tokens: Token[]): void {
  if (integer >= SMALLEST && integer <= LARGEST) {
    tokens.push(new Token(integer < 0n ? Type.negint : Type.uint, integer));
    return;
  }
  const negative = integer < 0n;
  const hex = (negative ? -1n - integer : integer).toString(16);
  const pairs = hex.padStart(hex.length + (hex.length % 2), "0").match(/../g) ?? [];
  const bytes = Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
  tokens.push(new Token(Type.tag, negative ? Tag.Negative : Tag.Positive), new Token(Type.bytes, bytes));
}
