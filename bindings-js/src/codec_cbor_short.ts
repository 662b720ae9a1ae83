/**
 * Short and plain values to CBOR: what most cells hold. A call of the library costs several times what such a value does.
 *
 * Null, booleans, integers of 32 bits, ASCII texts, and arrays and plain objects of these. Anything else, and whatever has no room, is
 * the library's, from the beginning: nothing is refused here.
 *
 * @internal
 */

/** Where a value is written before it is known to be short. Up to so many bytes the engine copies without an allocation apart. */
const ROOM = new Uint8Array(64);
/** Containers nested deeper than this are not short. */
const DEEPEST = 4;

/** The initial byte of each kind. */
enum Major {
  Positive = 0x00,
  Negative = 0x20,
  Text = 0x60,
  Array = 0x80,
  Map = 0xa0,
}
const [FALSE, TRUE, NULL] = [0xf4, 0xf5, 0xf6];

/** Whether a value is being written. */
let busy = false;

/** The bytes of a value; nothing where it is not short and plain. */
export function writeShort(value: unknown): Uint8Array | undefined {
  // A getter of a value can have others written meanwhile.
  if (busy) return undefined;
  busy = true;
  try {
    const end = put(value, 0, 0);
    return end > 0 ? ROOM.slice(0, end) : undefined;
  } finally {
    busy = false;
  }
}

/** Writes a value; answers where the next one begins, below zero where there is none. `depth`: in how many containers it is. */
function put(value: unknown, at: number, depth: number): number {
  switch (typeof value) {
    case "number":
      return putNumber(value, at);
    case "string":
      return putText(value, at);
    case "boolean":
      return putByte(value ? TRUE : FALSE, at);
    case "object":
      if (value === null) return putByte(NULL, at);
      if (depth === DEEPEST) return -1;
      if (Array.isArray(value)) return putItems(value, at, depth + 1);
      return Object.getPrototypeOf(value) === Object.prototype ? putProperties(value, at, depth + 1) : -1;
    default:
      return -1;
  }
}

function putItems(items: unknown[], start: number, depth: number): number {
  const { length } = items;
  let at = putHead(Major.Array, length, start);
  for (let index = 0; index < length && at > 0; index++) at = put(items[index], at, depth);
  return at;
}

function putProperties(object: object, start: number, depth: number): number {
  const names = Object.keys(object);
  let at = putHead(Major.Map, names.length, start);
  for (let index = 0; index < names.length && at > 0; index++) {
    const name = names[index] as string;
    at = putText(name, at);
    if (at > 0) at = put((object as Record<string, unknown>)[name], at, depth);
  }
  return at;
}

function putText(text: string, start: number): number {
  const { length } = text;
  let at = putHead(Major.Text, length, start);
  if (at < 0 || at + length > ROOM.length) return -1;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return -1;
    ROOM[at++] = unit;
  }
  return at;
}

function putNumber(number: number, at: number): number {
  // A zero below zero, and what is no integer, are floats.
  if (number >>> 0 === number) return Object.is(number, -0) ? -1 : putHead(Major.Positive, number, at);
  const size = -1 - number;
  return size >>> 0 === size ? putHead(Major.Negative, size, at) : -1;
}

/** The kind of a value and its number, in as few bytes as there are. */
function putHead(major: Major, number: number, at: number): number {
  if (number < 24) return putByte(major | number, at);
  const bytes = number < 0x100 ? 1 : number < 0x1_0000 ? 2 : 4;
  if (at + bytes >= ROOM.length) return -1;
  ROOM[at] = major | (bytes === 1 ? 24 : bytes === 2 ? 25 : 26);
  for (let byte = bytes; byte > 0; byte--) ROOM[at + byte] = number / 2 ** (8 * (bytes - byte));
  return at + 1 + bytes;
}

function putByte(byte: number, at: number): number {
  if (at === ROOM.length) return -1;
  ROOM[at] = byte;
  return at + 1;
}
