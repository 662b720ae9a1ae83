// A panic in the addon, which would be a defect, is an error in JavaScript: it never ends the process, and what the thread
// holds and waits for stays as it was.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { open } from "latchwork";
import { fresh } from "./actors/start.mjs";

const require = createRequire(import.meta.url);
const native = require("../latchwork.node");
const OUTCOME = 5;
const SETTLED = 7;
const FAILED = 4;

/** The calls that the raw layer makes: it is one function around all of them, hence one shows it. */
const RAW = [
  "lock",
  "join",
  "lockWith",
  "tryLock",
  "tryLockWith",
  "release",
  "cancel",
  "confirm",
  "held",
  "drain",
  "onWake",
  "defect",
  "getCell",
  "writeCell",
  "updateCell",
  "answerUpdate",
  "transact",
  "returned",
  "txGet",
  "txSet",
];
/** It knows no environment. */
const WITHOUT = ["errorCodes"];

const GIVEN = {
  open: [undefined, 0, 1, 1, undefined, "cbor", false],
  meta: [1],
  epoch: [1],
  close: [1],
  owner: [1, undefined],
  ownerId: [1],
  adopt: [],
  closeOwner: [1, 1],
  forgetOwner: [1],
  skipNumbers: [1],
  releaseKeys: [[]],
  downgrade: [["a"]],
  watchLost: [1],
  handOver: ["id", undefined],
  takeHanded: [],
  takeHandedOver: [1, 1],
  watchHandedOver: [1, 1, 1],
  revoke: [1, []],
  steal: ["k", undefined],
  tick: [1],
  nextDeadline: [1],
  query: [1, undefined],
  encode: ["k"],
  decode: [new Uint8Array(1)],
  keySet: [[], []],
  failure: [],
  manualClock: [undefined],
  now: [1],
  advance: [1, 0],
  getCells: [1, []],
  listCells: [1, {}, 1, false],
  commitCells: [1, [], []],
  deleteCells: [1, {}, []],
  watchCells: [1, []],
  watchCellsOf: [1, {}],
  nextOfCells: [1, 1],
  endWatch: [1],
  awaitChange: [1],
  awaitedChange: [],
  goOn: [1],
  keepCell: [1, 1],
  threw: [1, 1],
  cancelCall: [1],
  callbacksOfCommit: [],
  txGetMany: [1, 1, []],
  txList: [1, 1, {}, 1, false],
  txInsert: [1, 1, "k", new Uint8Array(1), 0],
  txDelete: [1, 1, "k"],
  txEnter: [1, 1],
  txLeave: [1, 1, true],
  txOnCommit: [1, 1, 1],
  txAbort: [1, 1, "no"],
  txRetry: [1, 1],
};

test("a panic in a raw call is an error to take", () => {
  native.defect();
  assert.equal(native.scratch[OUTCOME], FAILED);
  assert.equal(native.scratch[SETTLED], 0);
  const { code, message } = native.failure();
  assert.equal(code, "unknown_outcome");
  assert.match(message, /a defect in latchwork.*asked for by a test/);
});

test("a panic in any other call is thrown", () => {
  const others = Object.keys(native).filter((name) => typeof native[name] === "function" && !RAW.includes(name));
  assert.deepEqual(others.sort(), [...Object.keys(GIVEN), ...WITHOUT].sort());
  for (const [name, given] of Object.entries(GIVEN)) {
    native.defect("in the next call");
    assert.throws(() => native[name](...given), /asked for by a test/, name);
  }
});

test("locks are as they were", async () => {
  const space = await open();
  const guard = await space.lock("k");
  const waiting = space.lock("k", { timeout: 60_000 });
  native.defect();
  native.failure();
  native.defect("in the next call");
  await assert.rejects(space.query(), /asked for by a test/);
  native.defect("in the next call");
  await assert.rejects(space.close(), /asked for by a test/);
  guard.release();
  (await waiting).release();
  assert.deepEqual(await (await open()).query(), { held: [], pending: [] });
});

test("a panic while a worker ends does not end the process, and its locks go on", async () => {
  const url = fresh("defect at the end");
  const space = await open(url);
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { open } = require(workerData.latchwork);
    (async () => {
      const spaces = [await open(workerData.url), await open(workerData.url)];
      await spaces[0].lock("a");
      await spaces[1].lock("b");
      require(workerData.addon).defect("end");
      parentPort.postMessage("holds");
    })();
  `;
  const worker = new Worker(source, {
    eval: true,
    workerData: { url, latchwork: require.resolve("latchwork"), addon: require.resolve("../latchwork.node") },
  });
  await once(worker, "message");
  const waiting = space.lock(["a", "b"]);
  await worker.terminate();
  const guard = await waiting;
  assert.equal(guard.abandoned, true);
  guard.release();
  await space.close();
});
