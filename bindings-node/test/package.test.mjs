// What npm ships: both kinds of modules, the same classes and spaces in both, a loader that says what it tried.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import * as latchwork from "latchwork";
import * as testing from "latchwork/testing";
import * as webLocks from "latchwork/web-locks";

const require = createRequire(import.meta.url);
const folder = fileURLToPath(new URL("..", import.meta.url));

test("import and require give the same", async () => {
  const required = require("latchwork");
  assert.deepEqual(Object.keys(latchwork).sort(), ["DELETE", "KEEP", "LatchworkError", "key", "open", "turnOf"]);
  for (const [name, value] of Object.entries(latchwork)) assert.equal(required[name], value);
  for (const [name, value] of Object.entries(testing)) assert.equal(require("latchwork/testing")[name], value);
  assert.deepEqual(Object.keys(webLocks).sort(), ["Lock", "LockManager", "lockManager"]);
  for (const [name, value] of Object.entries(webLocks)) assert.equal(require("latchwork/web-locks")[name], value);
  const [here, there] = [await latchwork.open("memory:both"), await required.open("memory:both")];
  const guard = await here.lock("k");
  assert.equal(await there.tryLock("k"), null);
  guard.release();
  await here.close();
  await there.close();
});

test("each file that is exported is there", () => {
  const { exports } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const files = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(files));
  for (const file of files(exports)) readFileSync(path.join(folder, file));
  for (const [name, conditions] of Object.entries(exports)) {
    if (name === "./package.json") continue;
    for (const condition of Object.values(conditions)) assert.equal(Object.keys(condition)[0], "types");
  }
});

test("the licence of what is bundled is there", () => {
  assert.match(readFileSync(path.join(folder, "dist/cborg.LICENSE"), "utf8"), /Licensed under the Apache License/);
});

test("without an addon the error says what was tried", () => {
  const copy = mkdtempSync(path.join(tmpdir(), "latchwork-"));
  try {
    cpSync(path.join(folder, "dist"), path.join(copy, "dist"), { recursive: true });
    cpSync(path.join(folder, "package.json"), path.join(copy, "package.json"));
    const script = `import("./dist/index.js").then(({ open }) => open()).catch((error) => console.log(error.message))`;
    const said = execFileSync(process.execPath, ["-e", script], { cwd: copy, encoding: "utf8" });
    assert.match(said, /no addon that loads on \S+; tried/);
    assert.match(said, /latchwork\.\S+\.node: Cannot find module/);
    assert.match(said, /\.\.\/latchwork\.node: Cannot find module/);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test("every kind of error of the core has its code here", () => {
  const types = readFileSync(path.join(folder, "dist/types/bindings-js/src/error.d.ts"), "utf8");
  const union = /type ErrorCode = ([^;]+);/.exec(types)[1];
  const here = [...union.matchAll(/"(\w+)"/g)].map(([, code]) => code);
  const native = require("../latchwork.node");
  assert.deepEqual(here.sort(), native.errorCodes().sort());
});

test("the examples of the README run", async () => {
  const readme = readFileSync(path.join(folder, "README.md"), "utf8");
  const examples = [...readme.matchAll(/```js\n([\s\S]+?)```/g)];
  assert.equal(examples.length, 8);
  for (const [, example] of examples) {
    // `using` is newer than the Node that this runs in.
    const { code } = await transform(example, { target: "node20" });
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd: folder, encoding: "utf8" });
    const expected = [...example.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, line]) => line);
    assert.deepEqual(said.trim().split("\n"), expected);
  }
});
