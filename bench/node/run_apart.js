// Runs measurements in processes of their own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The comparison with Node's own locks, which only newer versions have: in the Node of the npm package `node`. */
export function runWebLocks(quick) {
  const folder = path.dirname(createRequire(import.meta.url).resolve("node/package.json"));
  return runApart("web_locks.js", quick, path.join(folder, "bin", process.platform === "win32" ? "node.exe" : "node"));
}

/** Runs a script of this folder to its end; what it prints is shown as it comes. */
export async function runApart(script, quick, program = process.execPath) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(program, [file, ...(quick ? ["--quick"] : [])], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${script} ended with code=${code}`);
}
