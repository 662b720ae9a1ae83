import assert from "node:assert/strict";
import { test } from "node:test";
import { inTime, LATE, lostUpdates, sendMany } from "../js/driver.js";

const never = new Promise(() => {});

test("a value in time is passed on, one that does not come is late", async () => {
  assert.equal(await inTime(Promise.resolve(0), 1000), 0);
  assert.equal(await inTime(never, 1), LATE);
  await assert.rejects(inTime(Promise.reject(new Error("refused")), 1000), /refused/);
});

test("so many requests are under way at a time, and all are sent", async () => {
  let underWay = 0;
  let most = 0;
  const { answers, stuck } = await sendMany({
    count: 20,
    atOnce: 4,
    async send() {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return most;
    },
  });
  assert.equal(answers.length, 20);
  assert.equal(stuck, 0);
  assert.equal(most, 4);
});

test("a request without an answer is stuck, and the others go on", async () => {
  const requests = [never, Promise.resolve("a"), Promise.resolve("b")];
  const { answers, stuck } = await sendMany({ count: 3, atOnce: 2, patience: 1, send: () => requests.shift() });
  assert.deepEqual(answers, ["a", "b"]);
  assert.equal(stuck, 1);
});

test("an update is lost with its page or with its answer", () => {
  assert.equal(lostUpdates({ count: 3, pages: 4, answers: [2, 3, 4] }), 0);
  assert.equal(lostUpdates({ count: 3, pages: 2, answers: [2, 2, 2] }), 2);
  assert.equal(lostUpdates({ count: 3, pages: 4, answers: [2, 3, 3] }), 1);
  assert.equal(lostUpdates({ count: 3, pages: 3, answers: [2, 3, 4] }), 1);
});
