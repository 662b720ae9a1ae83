// Runs the comparison with Node's own locks, which only newer versions have: in the Node of the npm package `node`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Runs it to its end; what it prints is shown as it comes. */
export async function runWebLocks(quick) {
  const folder = path.dirname(createRequire(import.meta.url).resolve("node/package.json"));
  const program = path.join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
  const script = fileURLToPath(new URL("web_locks.js", import.meta.url));
  const child = spawn(program, [script, ...(quick ? ["--quick"] : [])], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the comparison with navigator.locks ended with code=${code}`);
}
