// The scenario files as tests.

import { fail, is } from "../check.mjs";
import { checkFile } from "./load.mjs";
import { runScenario, ScenarioFailure } from "./runner.mjs";

const NOT_RUN = ["must-fail", "must-reject"];

/** A test for each file, and one that compares the counts with the index. */
export async function scenarioTests(host) {
  const schema = await host.read("scenarios/schema.json");
  const { folders } = await host.read("scenarios/index.generated.json");
  const count = { run: 0, skipped: 0, failing: 0, rejected: 0 };
  const tests = [];
  for (const [folder, { files }] of Object.entries(folders)) {
    const add = (suite, file, run) => tests.push({ suite: `${suite} ${folder}`, name: file, run });
    for (const file of files) {
      const load = async () => checkFile(schema, file, await host.read(`scenarios/${folder}/${file}`));
      if (folder === "must-fail") add("scenarios", file, async () => mustFail(host, await load(), count));
      else if (folder === "must-reject") add("scenarios", file, () => mustReject(load, count));
      else add("scenarios", file, async () => mustPass(host, await load(), count));
    }
  }
  tests.push({
    suite: "scenarios",
    name: "the counts agree with the index",
    run: async () => agree(host, folders, count),
  });
  return tests;
}

async function mustPass(host, scenario, count) {
  const missing = scenario.requires?.find((word) => !host.features.has(word));
  if (missing === undefined) {
    count.run++;
    await runScenario(host, scenario);
  } else {
    count.skipped++;
    host.line(`skipped host=${host.name} scenario=${scenario.name} requires=${missing}`);
  }
}

async function mustFail(host, scenario, count) {
  const missing = scenario.requires?.find((word) => !host.features.has(word));
  count.failing++;
  if (missing !== undefined) fail(`this host cannot ${missing}: the file shows nothing here`);
  try {
    await runScenario(host, scenario);
  } catch (error) {
    if (!(error instanceof ScenarioFailure)) throw error;
    is(error.step, scenario.mustFail, error.message);
    return;
  }
  fail("it passed");
}

async function mustReject(load, count) {
  count.rejected++;
  let scenario;
  try {
    scenario = await load();
  } catch (error) {
    if (/ is refused: /.test(error.message)) return;
    throw error;
  }
  fail(`${scenario.name} was accepted`);
}

function agree(host, folders, count) {
  host.line(`scenarios host=${host.name} run=${count.run} skipped=${count.skipped}`);
  const passing = Object.entries(folders).filter(([folder]) => !NOT_RUN.includes(folder));
  is(
    count.run + count.skipped,
    passing.reduce((sum, [, { files }]) => sum + files.length, 0),
    "files run and skipped",
  );
  is(count.failing, folders["must-fail"].files.length, "files that must fail");
  is(count.rejected, folders["must-reject"].files.length, "files that must be refused");
}
