// Builds the npm package's `dist/` from `generated/` (what wasm-bindgen made) and the TypeScript.

import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

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

// What starts the binary, without the functions around its exports: the script calls those as they are.
const SCRIPT = "generated/latchwork_wasm";
await writeFile(
  from("generated/glue.js"),
  `${await readFile(from(`${SCRIPT}.js`), "utf8")}\nexport { __wbg_finalize_init as begin, __wbg_get_imports as imports };\n`,
);
await writeFile(
  from("generated/glue.d.ts"),
  `import type { InitOutput } from "./latchwork_wasm.js";

export function imports(): WebAssembly.Imports;
export function begin(instance: WebAssembly.Instance, module: WebAssembly.Module): InitOutput;
`,
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
    onLoad({ filter: later }, async ({ path: file }) => ({
      contents: `import ${JSON.stringify(from("../bindings-js/src/open.ts"))};\n${await readFile(file, "utf8")}`,
      loader: "ts",
    }));
  },
};

/** Properties of objects that never leave the package: they get short names. */
const INNER =
  "added|ambient|asked|exclusive|failed|first|generation|gone|granted|handed|handle|inside|isReleased|limited|loading|more|native|" +
  "number|outer|ownerSoFar|place|plain|prefixes|root|scoped|scratch|second|slot|state|taken|timed|timer|waits|watches";

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["index", "inline", "node", "slim", "testing", "web_locks"].map((entry) => `js/${entry}.ts`),
  outdir: "dist",
  bundle: true,
  splitting: true,
  plugins: [whole],
  chunkNames: "shared-[hash]",
  format: "esm",
  platform: "neutral",
  external: ["node:*"],
  target: "es2022",
  minify: true,
  mangleProps: new RegExp(`^(${INNER})$`),
  sourcemap: true,
  metafile: true,
});

// The licence of what is bundled with it: its notice, and the text that this refers to.
const licences = [new URL("LICENSE", import.meta.resolve("cborg")), from("../LICENSE-APACHE")];
await writeFile(from("dist/cborg.LICENSE"), (await Promise.all(licences.map((file) => readFile(file)))).join("\n"));

// What a page downloads: the default entry with the chunks that it imports, not those that are loaded when they are needed.
const needed = new Set(["dist/index.js"]);
for (const name of needed) {
  for (const { path: imported, kind } of metafile.outputs[name].imports) {
    if (kind === "import-statement") needed.add(imported);
  }
}
const script = [...needed].map((name) => readFile(from(name)));
const sizes = {
  "latchwork_bg.wasm": gzipSync(binary, { level: 9 }).length,
  "index.js": gzipSync(Buffer.concat(await Promise.all(script)), { level: 9 }).length,
};
for (const [name, size] of Object.entries(sizes)) {
  const over = size > BARS[name] ? ": over it" : "";
  console.log(`${name}: ${size} bytes after gzip, the bar is ${BARS[name]}${over}`);
}
