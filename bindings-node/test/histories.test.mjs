// The programs that look at histories: they accept what can be, and reject what was corrupted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOfCell } from "./histories/cell.mjs";
import { faultsOfMoney } from "./histories/money.mjs";

/** Two threads: one writes a then c, the other b in between; reads see them so. */
const HISTORY = [
  { begin: 0, end: 3, read: "start", wrote: "a" },
  { begin: 1, end: 2, read: "start" },
  { begin: 4, end: 9, read: "a", wrote: "b" },
  { begin: 5, end: 6, read: "b" },
  { begin: 7, end: 8, read: "b" },
  { begin: 10, end: 11, read: "b", wrote: "c" },
  { begin: 12, end: 13, read: "c" },
];

test("a history that can be is accepted", () => {
  assert.deepEqual(faultsOfCell(HISTORY, "start"), []);
  assert.deepEqual(faultsOfCell([], "start"), []);
});

for (const [what, corrupt] of Object.entries({
  "a lost update": (history) => {
    history[5].read = "a";
  },
  "a stale read": (history) => {
    history[6].read = "b";
  },
  "a read that goes back": (history) => {
    history[4].read = "a";
  },
  "a read of what comes later": (history) => {
    history[1].read = "b";
  },
  "a read of what nobody wrote": (history) => {
    history[3].read = "z";
  },
  "a write on what nobody wrote": (history) => {
    history[5].read = "z";
  },
  "a value that was written twice": (history) => {
    history[5].wrote = "a";
  },
  "writes the other way round": (history) => {
    Object.assign(history[0], { begin: 14, end: 15 });
  },
})) {
  test(`control: ${what} is rejected`, () => {
    const history = structuredClone(HISTORY);
    corrupt(history);
    assert.notDeepEqual(faultsOfCell(history, "start"), []);
  });
}

const BOOKS = {
  initial: [10, 10, 10],
  transfers: [
    { from: 0, to: 1, amount: 3 },
    { from: 1, to: 2, amount: 13 },
  ],
  audits: [
    [7, 13, 10],
    [10, 10, 10],
  ],
  final: [7, 0, 23],
};

test("books that can be are accepted", () => {
  assert.deepEqual(faultsOfMoney(BOOKS), []);
});

for (const [what, corrupt] of Object.entries({
  "an audit that misses money": (books) => {
    books.audits[0][1] -= 1;
  },
  "money that is lost": (books) => {
    books.final[2] -= 1;
  },
  "money at the wrong account": (books) => {
    books.final[0] += 1;
    books.final[1] -= 1;
  },
  "a transfer that nobody sees": (books) => {
    books.transfers.push({ from: 0, to: 2, amount: 1 });
  },
})) {
  test(`control: ${what} is rejected`, () => {
    const books = structuredClone(BOOKS);
    corrupt(books);
    assert.notDeepEqual(faultsOfMoney(books), []);
  });
}
