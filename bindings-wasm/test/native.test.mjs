// The module below the TypeScript surface: whatever it is given, it answers, and goes on working.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { asked, errorOf, LatchworkError, memory, nativeOf, read, wasm } from "./module.mjs";

const HANDLE = 0;
const PLACE = 3;
const NUMBER = 4;
const OUTCOME = 5;
const SETTLED = 7;
/** The first of the lanes that say what a request asks for. */
const OWNER = 8;
/** Where the first settled entry begins. */
const FIRST = 12;
/** Of a call: what is next, and by what number it is known. */
const STEP = 1;
const CALL = 2;
const WAIT = 0;
const RUN = 1;
const THREW = 3;
const ENDED = 4;
const GRANTED = 0;
const REFUSED = 2;
const FAILED = 4;

const native = nativeOf(wasm);

test("every code of the core is a code of LatchworkError", async () => {
  const codes = read(memory, wasm.errorCodes());
  const source = await readFile(new URL("../../bindings-js/src/error.ts", import.meta.url), "utf8");
  const union = /export type ErrorCode =([^;]*);/.exec(source)[1];
  assert.deepEqual([...union.matchAll(/"(\w+)"/g)].map(([, code]) => code).sort(), [...codes].sort());
  for (const code of codes) {
    const error = errorOf({ code, message: "m" });
    assert.ok(error instanceof LatchworkError);
    assert.equal(error.code, code);
  }
});

test("the module asks its host for nothing but the time", () => {
  assert.deepEqual(asked, [{ module: "host", name: "now", kind: "function" }]);
});

test("errors cross with their fields", () => {
  const handle = open();
  locked(handle, "a", "holder");
  native.scratch[HANDLE] = handle;
  ask(["a", 7], [true], "waiter", { timeout: 0 });
  assert.equal(native.scratch[OUTCOME], FAILED);
  const timeout = native.failure();
  assert.equal(timeout.code, "timeout");
  assert.deepEqual(new Set(timeout.keys), new Set(["a", 7, true]));
  assert.equal(timeout.position, 1);
  assert.deepEqual(timeout.blockedBy, [{ key: "a", label: "holder", token: 1 }]);

  native.scratch.set([2 ** 52, 12345], PLACE);
  native.release();
  assert.equal(native.failure().code, "not_held");
  ask(["a"], [], undefined, { timeout: Number.NaN });
  assert.equal(native.failure().what, "timeout");
  assert.equal(native.decode(new Uint8Array([0x99])), undefined);
  assert.equal(native.failure().code, "invalid");
  assert.equal(
    native.open("memory:", 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, undefined, "cbor", false),
    0,
  );
  assert.equal(native.failure().what, "url");
  assert.equal(
    native.open(undefined, 99, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, undefined, "cbor", false),
    0,
  );
  assert.equal(native.failure().what, "clock");
  assert.equal(native.failure().what, "failure", "nothing is left to take");

  native.close(handle);
  native.close(handle);
  native.scratch[HANDLE] = handle;
  native.lock("a");
  assert.equal(native.failure().code, "closed");
  assert.equal(native.query(handle, undefined), undefined);
  assert.equal(native.failure().code, "closed");
  assert.equal(native.nextDeadline(handle), Number.POSITIVE_INFINITY);
});

test("what cannot cross is refused before the module is called", () => {
  const handle = open();
  let wide = ["x"];
  for (let depth = 0; depth < 30; depth++) wide = [wide, wide];
  const deep = [[]];
  deep[0].push(deep);
  for (const key of [
    "\ud800",
    "a\udc00",
    "x".repeat(2049),
    2n ** 64n,
    -(2n ** 63n) - 1n,
    0.5,
    Number.NaN,
    wide,
    deep,
  ]) {
    assert.equal(native.encode(key), undefined);
    const failure = native.failure();
    assert.equal(failure.code, "invalid");
    assert.equal(failure.what, "key");
    assert.equal(failure.message, `invalid key: ${failure.why}`);
  }
  native.scratch[HANDLE] = handle;
  native.lock("\udfff");
  assert.equal(native.scratch[OUTCOME], FAILED);
  assert.equal(native.failure().why, "must be a string without lone surrogates");
  native.close(handle);
});

test("an input of any bytes is an error or a call, never a trap", () => {
  const handle = open();
  const pick = random(1);
  const time = () => [Number.NaN, -1, 0, 5, 1e308, Number.POSITIVE_INFINITY][pick(6)];
  const calls = [
    () => wasm.open(pick(3), time(), time(), pick(4), time()),
    () => wasm.meta(handle),
    () => wasm.lock(pick(2)),
    () => wasm.tryLock(pick(2)),
    () => wasm.held(),
    () => wasm.owner(handle),
    () => read(memory, wasm.ownerId(pick(4))),
    () => wasm.adopt(),
    () => wasm.closeOwner(handle, pick(4)),
    () => wasm.forgetOwner(pick(4)),
    () => wasm.releaseKeys(),
    () => wasm.downgrade(),
    () => wasm.watchLost(pick(4)),
    () => wasm.handOver(pick(4)),
    () => read(memory, wasm.takeHanded()),
    () => read(memory, wasm.takeHandedOver(handle, pick(4))),
    () => wasm.gonePayload(),
    () => wasm.watchHandedOver(handle, pick(4), pick(4)),
    () => wasm.revoke(handle),
    () => wasm.release(),
    () => wasm.cancel(),
    () => wasm.confirm(),
    () => wasm.drain(),
    () => wasm.tick(handle),
    () => wasm.nextDeadline(handle),
    () => read(memory, wasm.query(handle, pick(2))),
    () => read(memory, wasm.failure()),
    () => read(memory, wasm.keySet()),
    () => read(memory, wasm.encode()),
    () => read(memory, wasm.decode()),
    () => read(memory, wasm.getCells(handle)),
    () => read(memory, wasm.listCells(handle, pick(6), time(), pick(2))),
    () => read(memory, wasm.commitCells(handle)),
    () => read(memory, wasm.deleteCells(handle, pick(6))),
    () => wasm.watchCells(handle, pick(6)),
    () => read(memory, wasm.nextOfCells(pick(4), pick(4))),
    () => wasm.endWatch(pick(4)),
    () => wasm.advance([0, 1, 2, Number.NaN][pick(4)], [0, -5, 1e300, Number.NaN][pick(4)]),
  ];
  for (let round = 0; round < 50_000; round++) {
    const size = 1 + pick(64);
    const input = new Uint8Array(memory.buffer, wasm.reserve(size), size);
    // Mostly what could be an input: tags, small lengths.
    for (let at = 0; at < size; at++) input[at] = pick(4) === 0 ? pick(256) : pick(10) * pick(2);
    native.scratch[HANDLE] = pick(8) === 0 ? pick(1000) - 10 : handle;
    for (const lane of [1, 2, PLACE, NUMBER]) {
      native.scratch[lane] = [pick(4), -1, 2 ** 60, Number.NaN, Number.NEGATIVE_INFINITY, 0.5][pick(6)];
    }
    native.scratch.set([pick(4), time(), time(), pick(2)], OWNER);
    calls[pick(calls.length)]();
    for (let left = native.scratch[SETTLED]; left > 0; left--) native.failure();
  }
  native.close(handle);
  const after = open();
  locked(after, "a");
  native.scratch[HANDLE] = after;
  native.tryLock("a");
  assert.equal(native.scratch[OUTCOME], REFUSED);
  native.close(after);
});

test("numbers are not of 32 bits, and are never given again", async () => {
  const handle = open();
  const far = 2 ** 32 + 7;
  locked(handle, "lost", undefined);
  native.watchLost(far);
  assert.equal(native.scratch[OUTCOME], GRANTED);
  native.revoke(handle, ["lost"]);
  // The first settled entry: its handle, its number, …, its outcome.
  assert.deepEqual([...native.scratch.slice(FIRST, FIRST + 2)], [handle, far]);

  const owner = native.owner(handle, undefined);
  native.forgetOwner(owner);
  assert.ok(native.owner(handle, undefined) > owner);
  const cells = await native.cells();
  const watch = cells.watch(handle, ["k"]);
  cells.endWatch(watch);
  assert.ok(cells.watch(handle, ["k"]) > watch);
  const calls = await cells.calls();
  calls.transact(handle, far, undefined);
  const call = native.scratch[CALL];
  calls.cancel(call);
  calls.transact(handle, far, undefined);
  assert.ok(native.scratch[CALL] > call);
  native.close(handle);
});

test("a value that cannot cross ends its call", async () => {
  const calls = await (await native.cells()).calls();
  const handle = open();
  const begun = () => {
    calls.update(handle, 1, "k", undefined);
    assert.equal(native.scratch[STEP], RUN);
    return [native.scratch[CALL], native.scratch[NUMBER]];
  };
  const running = begun();
  calls.threw(...running);
  assert.equal(native.scratch[STEP], THREW, "control: a call that runs");
  const [call, scope] = begun();
  // As long as bytes that nobody has the memory for.
  calls.answer(call, scope, { length: 2 ** 29 });
  assert.equal(native.scratch[STEP], ENDED);
  assert.equal(native.failure().what, "value");
  calls.threw(call, scope);
  assert.equal(native.scratch[STEP], WAIT, "the core does not know it any more");
  native.close(handle);
});

function open() {
  const handle = native.open(
    undefined,
    0,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    undefined,
    "cbor",
    false,
  );
  assert.ok(handle > 0);
  return handle;
}

function locked(handle, key, label) {
  native.scratch[HANDLE] = handle;
  ask([key], [], label);
  assert.equal(native.scratch[OUTCOME], GRANTED);
}

function ask(exclusive, shared, label, { timeout = Number.POSITIVE_INFINITY } = {}) {
  native.scratch.set([0, Number.POSITIVE_INFINITY, timeout, 0], OWNER);
  native.lockWith(exclusive, shared, label);
}

/** Numbers that look random and are the same in every run. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
