// The JavaScript of a document.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";

const ROOT = new URL("../../../", import.meta.url);

/** The examples of a document in order: `{ title, code }`, the title that of the part that it stands in. */
export function examplesIn(path) {
  const text = readFileSync(new URL(path, ROOT), "utf8");
  return text.split(/^## /m).flatMap((part) => {
    const title = part.split("\n", 1)[0];
    return [...part.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => ({ title, code }));
  });
}

/** The functions that an example declares, where these names are known. */
export function functionsOf({ title, code }, names) {
  const declared = [...code.matchAll(/^(?:async )?function (\w+)/gm)].map(([, name]) => name);
  const body = `"use strict";\n${code}\nreturn { ${declared.join(", ")} };`;
  return compileFunction(body, Object.keys(names), { filename: title })(...Object.values(names));
}

/** Runs an example as a program. Answers the lines that it prints, and those that its comments promise. */
export function runs({ code }) {
  const folder = fileURLToPath(new URL("tests/js", ROOT));
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd: folder, encoding: "utf8" });
  const promised = [...code.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, line]) => line);
  return { said: said.split("\n").slice(0, -1), promised };
}
