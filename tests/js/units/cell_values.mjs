// Values of cells: isolation (C15), codecs and their agreement (B6), and expiry (C12).

import { is, isError, ok, rejects, same } from "../check.mjs";

async function isolation(host) {
  for (const codec of ["cbor", "json"]) {
    const space = await host.latchwork.open(undefined, { codec });
    const value = { tags: ["a"] };
    await space.set("k", value);
    value.tags.push("b");
    const read = await space.get("k");
    read.value.tags.push("c");
    const [listed] = await space.list({ prefix: "k" });
    listed.value.tags.length = 0;
    const { entry } = await space.insert("k", {});
    entry.value.tags = undefined;
    const watch = space.watch("k");
    (await watch.next()).value[0].value.tags.push("d");
    await watch.return();
    same((await space.get("k")).value, { tags: ["a"] }, codec);
    await space.close();
  }
  const space = await host.latchwork.open(undefined, { codec: "bytes" });
  const bytes = new Uint8Array([1, 2]);
  await space.set("k", bytes);
  bytes[0] = 9;
  (await space.get("k")).value[1] = 9;
  same((await space.get("k")).value, new Uint8Array([1, 2]));
  await space.set("empty", new Uint8Array(0));
  same((await space.get("empty")).value, new Uint8Array(0));
  await space.close();
}

async function refused(host) {
  const { open } = host.latchwork;
  for (const [codec, value] of [
    ["cbor", () => 1],
    ["cbor", undefined],
    ["cbor", { inner: [Symbol("s")] }],
    ["json", 1n],
    ["bytes", "text"],
  ]) {
    const space = await open(undefined, { codec });
    const { version } = await space.set("there", codec === "bytes" ? new Uint8Array(1) : 1);
    for (const call of [
      () => space.set("there", value),
      () => space.insert("new", value),
      () => space.compareExchange("there", version, value),
      () => space.atomic().set("there", value).commit(),
      () => space.atomic().delete("there").insert("new", value).commit(),
    ]) {
      const error = isError(host, await rejects(call()), "invalid");
      ok(error.what.startsWith("value"), error.message);
    }
    is((await space.get("there")).version, version);
    is((await space.get("new")).version, 0);
    await space.close();
  }
}

async function custom(host) {
  const { open } = host.latchwork;
  const thrown = new Error("no");
  const codec = {
    name: "shout",
    encode(value) {
      if (value === "bad") throw thrown;
      return new TextEncoder().encode(value.toUpperCase());
    },
    decode(bytes) {
      const text = new TextDecoder().decode(bytes);
      if (text === "UNREADABLE") throw thrown;
      return text;
    },
  };
  const space = await open(undefined, { codec });
  const { version } = await space.set("k", "loud");
  same(await space.get("k"), { key: "k", value: "LOUD", version });
  is(await rejects(space.set("k", "bad")), thrown);
  is(await rejects(space.atomic().set("k", "bad").commit()), thrown);
  is((await space.get("k")).version, version);
  await space.set("k", "unreadable");
  is(await rejects(space.get("k")), thrown);
  is(await rejects(space.insert("k", "again")), thrown);
  is((await space.delete("k")).existed, true);
  await space.close();
}

async function agreement(host) {
  const { open } = host.latchwork;
  const own = (name) => ({ name, encode: () => new Uint8Array(1), decode: () => 1 });
  const url = "memory:codec agreement";
  const space = await open(url);
  await (await open(url, { codec: "cbor" })).close();
  for (const codec of ["json", "bytes", own("cbor 2"), own(undefined)]) {
    isError(host, await rejects(open(url, { codec })), "invalid", { what: "codec" });
  }
  for (const codec of ["CBOR", "toString", 5, null, {}, { encode() {} }, { encode: 1, decode: 1 }]) {
    isError(host, await rejects(open(url, { codec })), "invalid", { what: "codec" });
  }
  isError(host, await rejects(open(url, { codec: own("json") })), "invalid", { what: "codec.name" });
  await space.close();
  const again = await open(url, { codec: own("mine") });
  await (await open(url, { codec: own("mine") })).close();
  isError(host, await rejects(open(url, { codec: own("other") })), "invalid", { what: "codec" });
  await again.close();
}

async function shared(host) {
  const { open } = host.latchwork;
  const [here, there] = [await open("memory:shared cells"), await open("memory:shared cells")];
  const date = new Date(86_400_000);
  const { version } = await here.set("k", date);
  const entry = await there.get("k");
  same([entry.version, entry.value.getTime()], [version, 86_400_000]);
  await here.close();
  is((await there.get("k")).version, version);
  await there.close();
}

async function expiry(host) {
  const clock = host.testing.manualClock();
  const space = await host.latchwork.open(undefined, { clock });
  const first = await space.set("k", 1, { expireIn: 50 });
  same(await space.get("k"), { key: "k", value: 1, version: first.version, expiresIn: 50 });
  clock.advance(49.5);
  is((await space.get("k")).expiresIn, 0.5);
  clock.advance(0.5);
  same(await space.get("k"), { key: "k", value: undefined, version: 0 });
  same(await space.list({ prefix: "k" }), []);
  same(await space.delete("k"), { ok: true, existed: false });
  const second = await space.insert("k", 2, { expireIn: 50 });
  ok(second.ok && second.version > first.version, "no old version comes back");
  const third = await space.set("k", 3);
  same(await space.get("k"), { key: "k", value: 3, version: third.version });
  for (const expireIn of [null, undefined, Number.POSITIVE_INFINITY]) {
    await space.set("k", 4, { expireIn: 5 });
    await space.set("k", 5, { expireIn });
    is("expiresIn" in (await space.get("k")), false, String(expireIn));
  }
  await space.set("k", 6, { expireIn: 0 });
  is((await space.get("k")).version, 0);
  const stale = await space.atomic().insert("k", 7, { expireIn: 20 }).set("l", 8).commit();
  clock.advance(20);
  same(await space.compareExchange("k", stale.version, 9), {
    ok: false,
    entry: { key: "k", value: undefined, version: 0 },
  });
  is((await space.get("l")).value, 8);
  for (const expireIn of [-1, Number.NaN, "5"]) {
    isError(host, await rejects(space.set("k", 1, { expireIn })), "invalid", { what: "expireIn" });
  }
  await space.close();
}

/** By the host's own clock: who watches is told by the one timer of the space. */
async function told(host) {
  const space = await host.latchwork.open();
  // Long enough for a busy machine to look before it is over.
  await space.set("k", 1, { expireIn: 500 });
  const watch = space.watch("k");
  is((await watch.next()).value[0].value, 1);
  const next = watch.next();
  // Nothing keeps the process: something of this test has to.
  const keeps = setInterval(() => {}, 1000);
  same((await next).value, [{ key: "k", value: undefined, version: 0 }]);
  clearInterval(keeps);
  await watch.return();
  await space.close();
}

export const tests = [
  { name: "what is read is the reader's own (C15)", run: isolation },
  { name: "a value that the codec does not take is refused before anything changes", run: refused },
  { name: "a codec of the caller's: its errors pass through", run: custom },
  { name: "openings of a name agree on the codec (B6)", run: agreement },
  { name: "all openings of a name have the same cells", run: shared },
  { name: "a cell past its time is absent (C12)", run: expiry },
  { name: "a watcher hears of an expiry by the timer (B5)", run: told },
];
