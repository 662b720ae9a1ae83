// Builds the npm package's `dist/` from the TypeScript. The addon itself is cargo's: see the README.

import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const from = (name) => path.join(here, name);

await rm(from("dist"), { recursive: true, force: true });
await mkdir(from("dist"));
const typescript = path.dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
execFileSync(process.execPath, [path.join(typescript, "bin/tsc"), "-p", from("tsconfig.json")], { stdio: "inherit" });
// The same types for those who `require`: TypeScript tells by the nearest package.json which of the two a file is.
await cp(from("dist/types"), from("dist/types-cjs"), { recursive: true });
await writeFile(from("dist/types-cjs/package.json"), '{ "type": "commonjs" }\n');

await build({
  absWorkingDir: here,
  entryPoints: ["js/main.ts"],
  outfile: "dist/main.cjs",
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node20",
  external: ["*.node"],
  sourcemap: true,
});

// The licence of what is bundled with it: its notice, and the text that this refers to.
const licences = [new URL("LICENSE", import.meta.resolve("cborg")), from("../LICENSE-APACHE")];
await writeFile(from("dist/cborg.LICENSE"), (await Promise.all(licences.map((file) => readFile(file)))).join("\n"));

const entries = {
  index: ["DELETE", "KEEP", "LatchworkError", "key", "open", "turnOf"],
  testing: ["decodeKey", "decodeValue", "encodeKey", "encodeValue", "manualClock"],
  web_locks: ["Lock", "LockManager", "lockManager"],
};
for (const [entry, names] of Object.entries(entries)) {
  const list = names.join(", ");
  await writeFile(
    from(`dist/${entry}.cjs`),
    `const { ${list} } = require("./main.cjs");\n\nmodule.exports = { ${list} };\n`,
  );
  await writeFile(from(`dist/${entry}.js`), `import main from "./main.cjs";\n\nexport const { ${list} } = main;\n`);
}
