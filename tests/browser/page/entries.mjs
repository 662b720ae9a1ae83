// The package's entries: each loads its binary in its way, and all are one package.

import { is, ok, rejects } from "/tests/js/check.mjs";
import { BINARY, Copy, works } from "./fresh.mjs";

/** What a program can hand to `start`. */
const SOURCES = {
  "a promise of a response": (start, address) => start(fetch(address)),
  "a response": async (start, address) => start(await fetch(address)),
  "an address": (start, address) => start(address),
  "a URL": (start, address) => start(new URL(address)),
  "a buffer": async (start, address) => start(await bytes(address)),
  "a view of a buffer": async (start, address) => start(new Uint8Array(await bytes(address))),
  "a module": async (start, address) => start(await WebAssembly.compile(await bytes(address))),
};

/** The tests of the entries. */
export function entries() {
  return [
    { suite: "entries", name: "the default entry locks", run: async () => works(await new Copy().entry("index")) },
    { suite: "entries", name: "the inline entry locks without another download", run: inline },
    ...Object.entries(SOURCES).map(([source, startWith]) => ({
      suite: "entries",
      name: `the slim entry locks with ${source}`,
      run: () => slim(startWith),
    })),
    { suite: "entries", name: "the slim entry is refused before start, and starts after a failure", run: restarted },
    { suite: "entries", name: "all entries are one package with one binary", run: together },
  ];
}

async function inline() {
  const copy = new Copy();
  const latchwork = await copy.entry("inline");
  await works(latchwork);
  is(await copy.downloads(BINARY), 0, "downloads of the binary");
}

async function slim(startWith) {
  const copy = new Copy();
  const latchwork = await copy.entry("slim");
  await startWith(latchwork.start, copy.address(BINARY));
  await works(latchwork);
  await latchwork.start("nothing is loaded any more");
  is(await copy.downloads(BINARY), 1, "downloads of the binary");
}

async function restarted() {
  const copy = new Copy();
  const latchwork = await copy.entry("slim");
  const { open, start } = latchwork;
  const early = await rejects(open());
  is(early.code, "invalid");
  is(early.what, "wasm");
  const address = copy.address(BINARY);
  for (const wrong of [undefined, null, 7, {}, []]) {
    const error = await rejects(start(wrong), `start(${wrong})`);
    is(error.code, "invalid", `start(${wrong})`);
  }
  is((await rejects(start(Promise.reject(new Error("no network"))))).code, "unavailable");
  is((await rejects(start(new Uint8Array(3)))).code, "unavailable");
  await copy.breaks(BINARY, "missing");
  is((await rejects(start(address))).code, "unavailable");
  is((await rejects(open())).code, "invalid", "open after a failed start");
  await start(address);
  await works(latchwork);
}

async function together() {
  const copy = new Copy();
  const [index, inlined, slimmed] = await Promise.all(["index", "inline", "slim"].map((name) => copy.entry(name)));
  is(index.LatchworkError, inlined.LatchworkError, "the class of errors");
  is(index.LatchworkError, slimmed.LatchworkError, "the class of errors");
  await slimmed.start(copy.address(BINARY));
  const [one, other] = await Promise.all([index.open("memory:x"), inlined.open("memory:x")]);
  const guard = await one.lock("a");
  is(await other.tryLock("a"), null, "the lock, by the other entry");
  guard.release();
  ok(await other.tryLock("a"), "the lock after its release");
  is(await copy.downloads(BINARY), 1, "downloads of the binary");
}

async function bytes(address) {
  return (await fetch(address)).arrayBuffer();
}
