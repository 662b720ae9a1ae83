// Builds the npm package's `dist/` from `generated/` (what wasm-bindgen made) and the TypeScript.

import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = path.dirname(fileURLToPath(import.meta.url));
const from = (name) => path.join(here, name);
const BINARY = "generated/latchwork_wasm_bg.wasm";

/** The most that should be downloaded, in bytes after gzip. */
const BARS = { "latchwork_bg.wasm": 40_000, "index.js": 8_000 };

const binary = await readFile(from(BINARY));
await writeFile(
  from("generated/inline_binary.ts"),
  `/** The binary in base64. */\nexport const binary: string = "${binary.toString("base64")}";\n`,
);

await rm(from("dist"), { recursive: true, force: true });
await mkdir(from("dist"));
await copyFile(from(BINARY), from("dist/latchwork_bg.wasm"));
const typescript = path.dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
execFileSync(process.execPath, [path.join(typescript, "bin/tsc"), "-p", from("tsconfig.json")], { stdio: "inherit" });

/**
 * What every page loads is one file. The bundler would cut it by what else uses which part of it; so whatever is loaded later is
 * made to use all of it.
 */
const whole = {
  name: "whole",
  setup({ onLoad }) {
    const later =
      /bindings-(js.src.(codec_(bytes|cbor|json)|cells|handed_over|open_options|query)|wasm.js.(native_cells|testing|web_locks))\.ts$/;
    const all = ["../bindings-js/src/index.ts", "js/module.ts"];
    const uses = all.map((file) => `import ${JSON.stringify(from(file))};\n`).join("");
    onLoad({ filter: later }, async ({ path: file }) => ({
      contents: `${uses}${await readFile(file, "utf8")}`,
      loader: "ts",
    }));
  },
};

/**
 * Names of properties that nobody outside sees and that the module does not export. They are shortened; the tests, which run on
 * what is built here, would not find one that somebody sees.
 */
const INTERNAL = [
  "added",
  "ambient",
  "arm",
  "armed",
  "asked",
  "cells",
  "clone",
  "codecName",
  "ending",
  "ends",
  "exclusive",
  "failed",
  "first",
  "fulfil",
  "generation",
  "gone",
  "grant",
  "granted",
  "handle",
  "inside",
  "known",
  "limited",
  "loading",
  "lockWith",
  "lossWatch",
  "more",
  "native",
  "number",
  "numberOf",
  "outer",
  "place",
  "plain",
  "prefixes",
  "promise",
  "refuse",
  "root",
  "scoped",
  "scratch",
  "second",
  "slot",
  "spaces",
  "state",
  "stop",
  "take",
  "taken",
  "timed",
  "timer",
  "tryLockWith",
  "waits",
  "watches",
];

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["index", "inline", "node", "slim", "testing", "web_locks"].map((entry) => `js/${entry}.ts`),
  outdir: "dist",
  bundle: true,
  splitting: true,
  plugins: [whole],
  chunkNames: "[name]-[hash]",
  format: "esm",
  platform: "neutral",
  external: ["node:*"],
  target: "es2022",
  minify: true,
  define: { "Number.POSITIVE_INFINITY": "Infinity" },
  ignoreAnnotations: true,
  mangleProps: new RegExp(`^(${INTERNAL.join("|")})$`),
  sourcemap: true,
  metafile: true,
});

/** What each file is called: without the hash by which the bundler tells two of one name apart, since every import spells it. */
const names = new Map();
for (const output of Object.keys(metafile.outputs).filter((output) => output.endsWith(".js"))) {
  const stem = path.basename(output, ".js");
  const short = stem.replace(/-[A-Z0-9]{8}$/, "");
  const taken = [...names.values()].filter((name) => name.startsWith(short)).length;
  names.set(stem, taken === 0 ? short : `${short}${taken + 1}`);
}

// Once more, by who looks through functions for what to leave out: some 300 bytes after gzip.
for (const [stem, name] of names) {
  const [code, map] = await Promise.all(
    [`${stem}.js`, `${stem}.js.map`].map((file) => readFile(from(`dist/${file}`), "utf8")),
  );
  const small = await minify(code, {
    module: true,
    ecma: 2022,
    compress: {
      conditionals: false,
      passes: 4,
      hoist_funs: true,
      inline: 1,
      keep_fargs: false,
      lhs_constants: false,
      unsafe_methods: true,
      unsafe_undefined: true,
    },
    // The map lies beside the file; who debugs brings it, so that pages do not load its name.
    sourceMap: { content: map },
  });
  await Promise.all([rm(from(`dist/${stem}.js`)), rm(from(`dist/${stem}.js.map`))]);
  const imports = /"\.\/([\w-]+)\.js"/g;
  await writeFile(
    from(`dist/${name}.js`),
    small.code.replace(imports, (text, other) => (names.has(other) ? `"./${names.get(other)}.js"` : text)),
  );
  await writeFile(from(`dist/${name}.js.map`), small.map);
}

// The licence of what is bundled with it: its notice, and the text that this refers to.
const licences = [new URL("LICENSE", import.meta.resolve("cborg")), from("../LICENSE-APACHE")];
await writeFile(from("dist/cborg.LICENSE"), (await Promise.all(licences.map((file) => readFile(file)))).join("\n"));

// What a page downloads: the default entry with the files that it imports, not those that are loaded when they are needed.
const needed = new Set(["dist/index.js"]);
for (const output of needed) {
  for (const { path: imported, kind } of metafile.outputs[output].imports) {
    if (kind === "import-statement") needed.add(imported);
  }
}
const script = [...needed].map((output) => readFile(from(`dist/${names.get(path.basename(output, ".js"))}.js`)));
const sizes = {
  "latchwork_bg.wasm": gzipSync(binary, { level: 9 }).length,
  "index.js": gzipSync(Buffer.concat(await Promise.all(script)), { level: 9 }).length,
};
for (const [name, size] of Object.entries(sizes)) {
  const over = size > BARS[name] ? ": over it" : "";
  console.log(`${name}: ${size} bytes after gzip, the bar is ${BARS[name]}${over}`);
}
