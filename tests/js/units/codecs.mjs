// How values become bytes and come back, against the vectors that every language checks.

import { is, isError, ok, rejects, same, throws } from "../check.mjs";
import { described, meant } from "../codec/values.mjs";
import { bytesOf, hexOf } from "../scenario/keys.mjs";

const vectors = (host) => host.read("codec/vectors.json");

const textOf = (bytes) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const bytesOfText = (text) => new TextEncoder().encode(text);

async function written({ read, testing }) {
  const { cbor } = await vectors({ read });
  ok(cbor.length > 60, "there are hardly any vectors");
  for (const { name, value, javascript } of cbor) {
    is(hexOf(await testing.encodeValue(meant(value))), javascript, `${name}: the bytes; see tests/codec/README.md`);
  }
}

/** Numbers on both sides of each border between two forms, and texts on both sides of what is short. */
function* onBorders() {
  for (const border of [0, 24, 2 ** 8, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
    for (const number of [border - 1, border, border + 1]) yield* [number, -number, number + 0.5];
  }
  for (const length of [0, 1, 22, 23, 24, 25, 60, 61, 62, 63, 64, 65, 255, 256]) {
    yield "a".repeat(length);
    yield "a".repeat(length).concat("\u00e9");
    yield Array(length).fill(0);
    yield { ["a".repeat(length)]: -1 };
  }
  yield* [null, true, false, {}, [], [[[[]]]], [[[[[]]]]], [[[[{}]]]], { a: { b: { c: { d: 1 } } } }];
  yield* [Object.create(null), { a: 1, 1: 2, __proto__: null }, JSON.parse('{"__proto__":1}'), [-0], Number.NaN, 1e300];
}

/** A short value has a way of its own, which a date beside it bars. */
async function shortOrNot({ testing }) {
  for (const value of onBorders()) {
    const short = hexOf(await testing.encodeValue(value));
    const [both, date] = await Promise.all(
      [[value, new Date(0)], new Date(0)].map((each) => testing.encodeValue(each)),
    );
    is(hexOf(both), `82${short}${hexOf(date)}`, described(value));
    const array = hexOf(await testing.encodeValue([value]));
    is(array, `81${short}`, described(value));
  }
}

async function readBack({ read, testing }) {
  const { cbor, reads } = await vectors({ read });
  for (const { name, value, javascript, python, javascriptReads = value } of cbor) {
    is(described(await testing.decodeValue(bytesOf(javascript))), described(meant(value)), name);
    is(described(await testing.decodeValue(bytesOf(python))), described(meant(javascriptReads)), name);
  }
  for (const { name, hex, reads: value } of reads) {
    is(described(await testing.decodeValue(bytesOf(hex))), described(meant(value)), name);
  }
}

async function badBytes(host) {
  const { refusedBytes, cbor } = await vectors(host);
  ok(refusedBytes.length > 60, "there are hardly any vectors");
  for (const { name, hex } of refusedBytes) {
    isError(host, await rejects(host.testing.decodeValue(bytesOf(hex)), name), "invalid", { what: "value" });
  }
  // Nothing that is cut short is a value, and nothing with something behind it.
  for (const { name, javascript, python } of cbor) {
    for (const hex of [javascript, python]) {
      for (let end = 0; end < hex.length; end += 2) {
        const error = await rejects(host.testing.decodeValue(bytesOf(hex.slice(0, end))), `${name} cut at ${end}`);
        isError(host, error, "invalid", { what: "value" });
      }
      isError(host, await rejects(host.testing.decodeValue(bytesOf(`${hex}00`))), "invalid", { what: "value" });
    }
  }
  is({}.polluted, undefined, "the prototype of all objects");
}

/** Whatever is changed in the bytes: a value, or `invalid`; never another error. */
async function changedBytes(host) {
  const { cbor } = await vectors(host);
  let seed = 12345;
  const random = (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const outcomes = { read: 0, refused: 0 };
  for (let count = 0; count < 5000; count++) {
    const bytes = bytesOf(cbor[random(cbor.length)].python);
    for (let changes = random(3); changes >= 0; changes--) bytes[random(bytes.length)] = random(256);
    try {
      const value = await host.testing.decodeValue(bytes);
      outcomes.read++;
      // What can be read can be written, and is the same then.
      is(described(await host.testing.decodeValue(await host.testing.encodeValue(value))), described(value));
    } catch (error) {
      isError(host, error, "invalid", { what: "value" });
      outcomes.refused++;
    }
  }
  ok(outcomes.read > 500 && outcomes.refused > 500, JSON.stringify(outcomes));
  is({}.polluted, undefined, "the prototype of all objects");
}

async function refused(host) {
  const { refusedValues } = await vectors(host);
  for (const { name, value, what } of refusedValues) {
    const error = isError(host, await rejects(host.testing.encodeValue(meant(value)), name), "invalid");
    if (what !== undefined) is(error.what, what, name);
    is(error.message, `invalid ${error.what}: ${error.why}`);
    ok(error.message.length < 300, error.message);
  }
}

class Account {
  name = "Ada";
}

async function notValues(host) {
  const circle = { list: [1] };
  circle.list.push({ circle });
  const hole = [0, 1];
  delete hole[0];
  const cases = [
    [undefined, "value"],
    [{ user: { tags: ["a", undefined] } }, 'value["user"]["tags"][1]'],
    [hole, "value[0]"],
    [() => 1, "value"],
    [{ call() {} }, 'value["call"]'],
    [{ sign: Symbol("s") }, 'value["sign"]'],
    [[new Account()], "value[0]"],
    [[Object.create({ inherited: 1 })], "value[0]"],
    [new (class extends Map {})(), "value"],
    [new Error("x"), "value"],
    [new Float64Array(1), "value"],
    [new ArrayBuffer(1), "value"],
    [new String("x"), "value"],
    [/x/, "value"],
    [Promise.resolve(1), "value"],
    [new WeakMap(), "value"],
    [circle, 'value["list"][1]["circle"]'],
    [new Date(Number.NaN), "value"],
    [{ at: new Date(8.64e15) }, 'value["at"]'],
    [new Date(-1e14), "value"],
    [
      new Map([
        [1, "a"],
        [1n, "b"],
      ]),
      "value",
    ],
    [new Set([7, 7n]), "value"],
    [new Map([[new Uint8Array(1), 1]]), "value"],
    [new Map([[2 ** 53, 1]]), "value"],
    [new Map([["key", undefined]]), 'value["key"]'],
    [{ ["n".repeat(100)]: undefined }, `value["${"n".repeat(40)}…"]`],
  ];
  for (const [value, what] of cases) {
    const error = isError(host, await rejects(host.testing.encodeValue(value), what), "invalid", { what });
    ok(error.why.length > 5 && /^[^A-Z]/.test(error.why), error.why);
  }
  const thrown = new RangeError("own");
  const getter = {
    get name() {
      throw thrown;
    },
  };
  is(await rejects(host.testing.encodeValue(getter)), thrown, "an error of the value itself");
}

/** What looks odd and is right. */
async function oddValues({ testing }) {
  const shared = { deep: [1] };
  const bare = Object.assign(Object.create(null), { a: 1 });
  const cases = [
    [5n, 5],
    [bare, { a: 1 }],
    [
      [shared, shared],
      [{ deep: [1] }, { deep: [1] }],
    ],
    [new Date(1.5), new Date(1)],
    [{ [Symbol("not data")]: 1, a: 1 }, { a: 1 }],
    [new Uint8Array([9, 1, 2, 9]).subarray(1, 3), new Uint8Array([1, 2])],
    [new Map([[-0, 1]]), new Map([[0, 1]])],
  ];
  for (const [value, expected] of cases) {
    is(described(await testing.decodeValue(await testing.encodeValue(value))), described(expected));
  }
  // Microseconds, which other languages know.
  const micro = `c0781b${hexOf(bytesOfText("2020-01-02T03:04:05.678901Z"))}`;
  is(described(await testing.decodeValue(bytesOf(micro))), "date 2020-01-02T03:04:05.678Z");
}

/** What is read is the reader's own, and what was written is no longer the writer's (C15). */
async function own({ testing }) {
  const source = new Uint8Array([1, 2]);
  const value = { bytes: source, list: [1], none: new Uint8Array(0) };
  for (const codec of [undefined, "cbor"]) {
    // The first call loads the codec, and the value is that of the call all the same.
    const writing = testing.encodeValue(value, codec);
    value.list.push(2);
    source[0] = 9;
    const encoded = await writing;
    const [one, other] = [await testing.decodeValue(encoded), await testing.decodeValue(encoded)];
    is(described(one), described({ bytes: new Uint8Array([1, 2]), list: [1], none: new Uint8Array(0) }));
    one.list.push(3);
    one.bytes[0] = 7;
    one.none.mark = true;
    is(described(other), described({ bytes: new Uint8Array([1, 2]), list: [1], none: new Uint8Array(0) }));
    is(other.none.mark, undefined, "an empty array is shared");
    encoded.fill(0);
    is(described(other.bytes), "bytes 0102");
    value.list.pop();
    source[0] = 1;
  }
  const raw = await testing.encodeValue(source, "bytes");
  source[0] = 9;
  is(hexOf(raw), "0102");
  const back = await testing.decodeValue(raw, "bytes");
  raw[0] = 8;
  is(hexOf(back), "0102");
}

async function json(host) {
  const { json: all, refusedJson, refusedTexts } = await vectors(host);
  const { encodeValue, decodeValue } = host.testing;
  for (const { name, value, text } of all) {
    is(textOf(await encodeValue(meant(value), "json")), text, name);
    is(described(await decodeValue(bytesOfText(text), "json")), described(meant(value)), name);
  }
  for (const { name, value, what } of refusedJson) {
    const error = isError(host, await rejects(encodeValue(meant(value), "json"), name), "invalid");
    if (what !== undefined) is(error.what, what, name);
  }
  for (const text of refusedTexts) {
    const error = await rejects(decodeValue(bytesOfText(text), "json"), text.slice(0, 20));
    isError(host, error, "invalid", { what: "value" });
  }
  isError(host, await rejects(decodeValue(new Uint8Array([0x22, 0xff, 0x22]), "json")), "invalid", { what: "value" });
  for (const value of [5n, undefined, new Date(0), new Account(), { a: undefined }, new Map()]) {
    isError(host, await rejects(encodeValue(value, "json")), "invalid");
  }
  // `toJSON` is not asked: what it answers would be another value.
  isError(host, await rejects(encodeValue({ toJSON: () => 1 }, "json")), "invalid", { what: 'value["toJSON"]' });
}

async function rawBytes(host) {
  const { encodeValue, decodeValue } = host.testing;
  const bytes = new Uint8Array([0, 255]);
  is(hexOf(await encodeValue(bytes, "bytes")), "00ff");
  is(described(await decodeValue(bytes, "bytes")), "bytes 00ff");
  for (const value of [undefined, null, "text", [1], new ArrayBuffer(1), new Uint16Array(1), 5]) {
    isError(host, await rejects(encodeValue(value, "bytes")), "invalid", { what: "value" });
  }
}

async function custom(host) {
  const { encodeValue, decodeValue } = host.testing;
  class Upper {
    name = "upper";
    #mark = "!";
    encode(value) {
      return bytesOfText(value.toUpperCase() + this.#mark);
    }
    decode(bytes) {
      return textOf(bytes).slice(0, -1).toLowerCase();
    }
  }
  const codec = new Upper();
  is(textOf(await encodeValue("text", codec)), "TEXT!");
  is(await decodeValue(bytesOfText("TEXT!"), codec), "text");
  const thrown = new RangeError("own");
  const failing = {
    encode() {
      throw thrown;
    },
    decode() {
      throw thrown;
    },
  };
  is(await rejects(encodeValue(1, failing)), thrown);
  is(await rejects(decodeValue(new Uint8Array(1), failing)), thrown);
  for (const answer of [undefined, "text", [1], new ArrayBuffer(1), Promise.resolve(new Uint8Array(1))]) {
    const wrong = { encode: () => answer, decode: () => 1 };
    isError(host, await rejects(encodeValue(1, wrong)), "invalid", { what: "codec.encode" });
  }
  isError(host, await rejects(encodeValue(undefined, codec)), "invalid", { what: "value" });
}

async function options(host) {
  const { encodeValue, decodeValue } = host.testing;
  const pair = { encode: () => new Uint8Array(), decode: () => 1 };
  for (const codec of ["CBOR", "", "constructor", "msgpack", null, 5, true, [], {}, () => 1, { encode: pair.encode }]) {
    isError(host, await rejects(encodeValue(1, codec)), "invalid", { what: "codec" });
    isError(host, await rejects(decodeValue(new Uint8Array([1]), codec)), "invalid", { what: "codec" });
  }
  for (const name of [5, null, "\ud800", "cbor", "json", "bytes"]) {
    isError(host, await rejects(encodeValue(1, { ...pair, name })), "invalid", { what: "codec.name" });
  }
  for (const name of [undefined, "", "custom", "v2"]) is((await encodeValue(1, { ...pair, name })).length, 0);
  for (const encoded of [undefined, null, "00", [0], new ArrayBuffer(1)]) {
    isError(host, await rejects(decodeValue(encoded)), "invalid", { what: "value" });
  }
}

/** The control: descriptions tell apart what must not be taken for one another. */
async function control() {
  const [map, object] = [new Map([["a", 1]]), { a: 1 }];
  const different = [0, -0, 0.5, Number.NaN, "0", null, false, undefined, [], [0], object, map, new Set(), new Date(0)];
  is(new Set([...different, new Date(1), new Uint8Array(1), new Uint8Array(2), 2n ** 64n].map(described)).size, 18);
  ok(throws(() => is(described(map), described(object))) instanceof Error);
}

/** A getter of a value runs while that is written, and can write others. */
async function writtenMeanwhile({ latchwork }) {
  const space = await latchwork.open();
  // The code for values is there then.
  await space.set("inner", 0);
  let wrote;
  const value = {
    before: "before",
    get inner() {
      wrote = space.set("inner", ["a", "longer", "value"]);
      return 1;
    },
    after: "after",
  };
  await space.set("outer", value);
  await wrote;
  same((await space.get("outer")).value, { before: "before", inner: 1, after: "after" });
  same((await space.get("inner")).value, ["a", "longer", "value"]);
  const failing = {
    get x() {
      throw new Error("no value");
    },
  };
  await rejects(space.set("outer", failing));
  await space.set("outer", { x: 1 });
  same((await space.get("outer")).value, { x: 1 });
  await space.close();
}

export const tests = [
  { name: "values have the bytes that are recorded", run: written },
  { name: "short values have the same bytes as among others", run: shortOrNot },
  { name: "what each language wrote is read as the same", run: readBack },
  { name: "bytes that hold no value are refused", run: badBytes },
  { name: "bytes that were changed are a value or refused", run: changedBytes },
  { name: "what no language takes is refused, and named", run: refused },
  { name: "what is no value in JavaScript is refused, and named", run: notValues },
  { name: "odd values", run: oddValues },
  { name: "a value that is read is the reader's own", run: own },
  { name: "a value that is written while another is", run: writtenMeanwhile },
  { name: "JSON", run: json },
  { name: "bytes as they are", run: rawBytes },
  { name: "a caller's own pair", run: custom },
  { name: "what is no codec is refused", run: options },
  { name: "the control: different values are told apart", run: control },
];
