// The package as a program meets it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { transform } from "esbuild";

const dist = (name) => new URL(`../dist/${name}`, import.meta.url);

test("the package works in Node by its name", async () => {
  const { key, LatchworkError, open } = await import("latchwork-web");
  const { manualClock } = await import("latchwork-web/testing");
  const clock = manualClock();
  const space = await open(undefined, { clock });
  const guard = await space.lock(key("user", 42));
  const waiting = space.lock(key("user", 42), { timeout: 10 });
  clock.advance(10);
  await assert.rejects(waiting, (error) => error instanceof LatchworkError && error.code === "timeout");
  guard.release();
  assert.deepEqual(await space.query(), { held: [], pending: [] });
  await space.close();
});

test("the slim entry works in Node with bytes", async () => {
  const { open, start } = await import("latchwork-web/slim");
  await start(readFile(new URL(import.meta.resolve("latchwork-web/latchwork_bg.wasm"))));
  const space = await open();
  await space.withLock(["a", "b"], () => {});
  await space.close();
});

test("the Web Locks API is over spaces of any entry", async () => {
  const { lockManager } = await import("latchwork-web/web-locks");
  const { open } = await import("latchwork-web");
  const space = await open();
  const locks = lockManager(space);
  assert.equal(await locks.request("k", async () => (await locks.query()).held.length), 1);
  await space.close();
});

test("the examples of the README run", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const examples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)];
  assert.equal(examples.length, 8);
  const folder = fileURLToPath(new URL("..", import.meta.url));
  for (const [, example] of examples) {
    // `using` is newer than the Node that this runs in.
    const { code } = await transform(example, { target: "node20" });
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd: folder, encoding: "utf8" });
    const promised = [...example.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, text]) => text);
    assert.deepEqual(said.trim().split("\n"), promised);
  }
});

test("entries have no top-level await and load nothing by themselves", async () => {
  for (const entry of ["index", "inline", "slim", "testing"]) {
    const text = await readFile(dist(`${entry}.js`), "utf8");
    assert.doesNotMatch(text, /^await |[;}]await /, entry);
  }
  assert.match(await readFile(dist("index.js"), "utf8"), /new URL\("\.\/latchwork_bg\.wasm",import\.meta\.url\)/);
});

/** The texts of an entry and of all that it imports; not of what is loaded when it is needed. */
async function imported(entry) {
  const files = new Set([entry]);
  const texts = [];
  for (const file of files) {
    const text = await readFile(dist(file), "utf8");
    texts.push(text);
    for (const [, other] of text.matchAll(/(?:from|import) ?"\.\/(.*?)"/g)) files.add(other);
  }
  return texts.join("");
}

test("nothing in it evaluates a text, which a page's policy may forbid", async () => {
  const scripts = (await readdir(new URL("../dist/", import.meta.url))).filter((name) => name.endsWith(".js"));
  assert.ok(scripts.length > 6);
  for (const name of scripts) assert.doesNotMatch(await readFile(dist(name), "utf8"), /\beval\(|\bFunction\(/, name);
});

test("who only locks does not load the codecs", async () => {
  const mark = "a tag that has no meaning here";
  for (const entry of ["index", "inline", "slim", "testing"]) {
    assert.ok(!(await imported(`${entry}.js`)).includes(mark), entry);
  }
  const scripts = (await readdir(new URL("../dist/", import.meta.url))).filter((name) => name.endsWith(".js"));
  const texts = await Promise.all(scripts.map((name) => readFile(dist(name), "utf8")));
  assert.equal(texts.filter((text) => text.includes(mark)).length, 1, "the codec is somewhere");
});

test("the licence of what is bundled is there", async () => {
  assert.match(await readFile(dist("cborg.LICENSE"), "utf8"), /Licensed under the Apache License/);
});

test("the script stays small", async () => {
  const size = gzipSync(await imported("index.js"), { level: 9 }).length;
  assert.ok(size <= 8_000, `${size} bytes after gzip`);
});
