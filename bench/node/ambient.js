// Times a space that looks for the owner of the body that runs: `node bench/node/ambient.js [--quick]`.
//
// In a process of its own, and one side after the other: once there is such an owner, every await of the process pays, so that
// nothing can be measured beside it.

import { parseArgs } from "node:util";
import { open } from "latchwork";
import { comparison } from "../js/finding.js";
import { interleave } from "../js/rounds.js";
import { oneByOne } from "./one_by_one.js";
import { processorTime } from "./processor_time.js";

const { values: flags } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const settings = { operations: 5_000, rounds: flags.quick ? 9 : 61, clock: processorTime };

const [plain, ambient] = [await open(), await open(undefined, { ambientOwner: true })];
const without = oneByOne("without", (key) => plain.withLock(key, async () => {}));
const within = oneByOne("with", (key) => ambient.withLock(key, async () => {}));

console.log("withLock, ambient owner: without one, then with one, then without one in the same process");
const [before] = await interleave([without], settings);
const [during] = await interleave([within], settings);
const [after] = await interleave([without], settings);
comparison("node", "withLock, ambient owner", "without an ambient owner", during, before);
comparison("node", "withLock, another space has an ambient owner", "no space has one", after, before);
