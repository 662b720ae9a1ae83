// What a page downloads for the default entry, after gzip: the binary, and the script with all that it imports.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { size } from "../js/finding.js";

const DIST = new URL("../../bindings-wasm/dist/", import.meta.url);
const BARS = { binary: 40_000, script: 8_000 };

const scripts = new Map();
await collect(new URL("index.js", DIST));

const binary = await readFile(fileURLToPath(new URL("latchwork_bg.wasm", DIST)));
size("wasm", "binary, gzip", "40 kB", zipped(binary), BARS.binary);
size("wasm", "script, gzip", "8 kB", zipped(Buffer.concat([...scripts.values()])), BARS.script);

/** Reads a script and those that it imports. */
async function collect(url) {
  if (scripts.has(url.href)) return;
  const text = await readFile(fileURLToPath(url));
  scripts.set(url.href, text);
  for (const [, file] of text.toString("utf8").matchAll(/(?:from|import)\s*\(?["'](\.[^"']+\.js)["']/g)) {
    await collect(new URL(file, url));
  }
}

function zipped(bytes) {
  return gzipSync(bytes, { level: 9 }).length;
}
