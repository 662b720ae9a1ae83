// When the binary is loaded, and what happens when that goes wrong.

import { is, ok, rejects } from "/tests/js/check.mjs";
import { BINARY, Copy, works } from "./fresh.mjs";

/** The tests of loading. */
export function loading() {
  return [
    { suite: "loading", name: "the binary is loaded at the first open, not at import", run: lazy },
    { suite: "loading", name: "calls of open at one time load one binary", run: once },
    { suite: "loading", name: "key and the errors work before the first open", run: early },
    {
      suite: "loading",
      name: "a codec of one's own gets the value itself, once, also of the first write",
      run: ownCodec,
    },
    ...["missing", "page", "cut"].map((kind) => ({
      suite: "loading",
      name: `a download that goes wrong (${kind}) is unavailable, and the next open loads again`,
      run: () => retried(kind),
    })),
  ];
}

async function lazy() {
  const copy = new Copy();
  const latchwork = await copy.entry("index");
  is(await copy.downloads("index.js"), 1, "downloads of the script");
  is(await copy.downloads(BINARY), 0, "downloads of the binary before open");
  await works(latchwork);
  is(await copy.downloads(BINARY), 1, "downloads of the binary after open");
  await works(latchwork);
  is(await copy.downloads(BINARY), 1, "downloads of the binary after another open");
}

async function once() {
  const copy = new Copy();
  const { open } = await copy.entry("index");
  const spaces = await Promise.all(Array.from({ length: 10 }, () => open("memory:once")));
  is(await copy.downloads(BINARY), 1, "downloads of the binary");
  const [first, ...others] = spaces;
  const guard = await first.lock("a");
  for (const space of others) is(await space.tryLock("a"), null, "the same lock by another handle");
  guard.release();
}

async function early() {
  const copy = new Copy();
  const { key, open, LatchworkError } = await copy.entry("index");
  is(String(key("user", 42)), '("user", 42)');
  const error = await rejects(open(7));
  ok(error instanceof LatchworkError, "the class of the error");
  is(error.code, "invalid");
  is(await copy.downloads(BINARY), 0, "downloads of the binary");
}

/** A value that is more than its fields. */
class Money {
  constructor(amount) {
    this.amount = amount;
  }

  bytes() {
    return new TextEncoder().encode(String(this.amount));
  }
}

async function ownCodec() {
  const { open } = await new Copy().entry("index");
  let encoded = 0;
  const codec = {
    encode(value) {
      encoded++;
      return value.bytes();
    },
    decode: (bytes) => new Money(Number(new TextDecoder().decode(bytes))),
  };
  const space = await open(undefined, { codec });
  const money = new Money(5);
  const first = space.set("k", money);
  is(encoded, 1, "it is called at the call");
  money.amount = 7;
  await first;
  is(encoded, 1);
  const { value } = await space.get("k");
  ok(value instanceof Money && value.amount === 5, "the value as it was");
  await space.close();
  const { encodeValue } = await new Copy().entry("testing");
  is((await encodeValue(money, codec)).length, 1);
  is(encoded, 2);
}

async function retried(kind) {
  const copy = new Copy();
  await copy.breaks(BINARY, kind);
  const latchwork = await copy.entry("index");
  const [error, another] = await Promise.all([rejects(latchwork.open()), rejects(latchwork.open())]);
  ok(error instanceof latchwork.LatchworkError, "the class of the error");
  is(error.code, "unavailable");
  is(another.code, "unavailable");
  ok(error.message.startsWith("the binary cannot be loaded: "), error.message);
  if (kind === "missing") ok(error.message.includes("status=404"), error.message);
  else ok(error.cause instanceof Error, "the cause of the error");
  await works(latchwork);
  is(await copy.downloads(BINARY), 2, "downloads of the binary");
}
