// What a page downloads for the default entry, after gzip: the binary, and the script with all that it imports. What is loaded
// at the first use of cells, queries or a codec is told beside it.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { size } from "../js/finding.js";

const DIST = new URL("../../bindings-wasm/dist/", import.meta.url);
const BARS = { binary: 40_000, script: 8_000 };

const AT_ONCE = /(?:from|import)\s*["'](\.[^"']+\.js)["']/g;
const EVER = /(?:from|import)\s*\(?["'](\.[^"']+\.js)["']/g;

const binary = await readFile(fileURLToPath(new URL("latchwork_bg.wasm", DIST)));
size("wasm", "binary, gzip", "40 kB", zipped(binary), BARS.binary);
size("wasm", "script, gzip", "8 kB", zipped(await scripts(AT_ONCE)), BARS.script);
size("wasm", "script and all that it ever loads, gzip", "8 kB", zipped(await scripts(EVER)), BARS.script);

/** The script, and those that it and they import by such a clause. */
async function scripts(clause) {
  const texts = new Map();
  const collect = async (url) => {
    if (texts.has(url.href)) return;
    const text = await readFile(fileURLToPath(url), "utf8");
    texts.set(url.href, text);
    for (const [, file] of text.matchAll(clause)) await collect(new URL(file, url));
  };
  await collect(new URL("index.js", DIST));
  return [...texts.values()].join("");
}

function zipped(bytes) {
  return gzipSync(bytes, { level: 9 }).length;
}
