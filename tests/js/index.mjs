// Every test of the suite, for whichever host runs it.

import { badInputTests } from "./bad_input/tests.mjs";
import { scenarioTests } from "./scenario/tests.mjs";
import * as allOrNothing from "./stories/all_or_nothing.mjs";
import * as bank from "./stories/bank.mjs";
import * as buyerAndSeller from "./stories/buyer_and_seller.mjs";
import { oneNameTests, refreshTests, sessionTests, versionTests } from "./stories/cells.mjs";
import * as dropOuts from "./stories/drop_outs.mjs";
import * as duplicatePage from "./stories/duplicate_page.mjs";
import * as duplicatePageCells from "./stories/duplicate_page_cells.mjs";
import * as handOverStory from "./stories/hand_over.mjs";
import * as handleHygiene from "./stories/handle_hygiene.mjs";
import * as logOut from "./stories/log_out.mjs";
import * as ownerDies from "./stories/owner_dies.mjs";
import * as retries from "./stories/retries.mjs";
import * as signUps from "./stories/sign_ups.mjs";
import * as twoEdits from "./stories/two_edits.mjs";
import * as badInput from "./units/bad_input.mjs";
import * as callbacks from "./units/callbacks.mjs";
import * as cellValues from "./units/cell_values.mjs";
import * as cells from "./units/cells.mjs";
import * as codecs from "./units/codecs.mjs";
import * as guards from "./units/guards.mjs";
import * as handOver from "./units/hand_over.mjs";
import * as keys from "./units/keys.mjs";
import * as manyWaiters from "./units/many_waiters.mjs";
import * as opening from "./units/opening.mjs";
import * as owners from "./units/owners.mjs";
import * as parts from "./units/parts.mjs";
import * as signals from "./units/signals.mjs";
import * as timeouts from "./units/timeouts.mjs";
import * as transactions from "./units/transactions.mjs";
import * as updates from "./units/updates.mjs";
import * as watches from "./units/watches.mjs";
import * as within from "./units/within.mjs";
import * as webLocksArguments from "./web_locks/arguments.mjs";
import * as webLocksGrants from "./web_locks/grants.mjs";
import * as webLocksSignals from "./web_locks/signals.mjs";
import * as webLocksSteal from "./web_locks/steal.mjs";

const SUITES = {
  "S1 buyer and seller": buyerAndSeller,
  "S2 duplicate page": duplicatePage,
  "S2 duplicate page, cells": duplicatePageCells,
  "S3 two edits": twoEdits,
  "S4 one name, by update and transaction": signUps,
  "S6 log out everywhere": logOut,
  "S7 owner dies": ownerDies,
  "S4 one name": { tests: oneNameTests },
  "S5 session store": { tests: sessionTests },
  "S8 drop-outs": dropOuts,
  "S9 all or nothing": allOrNothing,
  "S10 handle hygiene": handleHygiene,
  "S11 hand-over": handOverStory,
  "S12 versions and ABA": { tests: versionTests },
  "S13 bank": bank,
  "S14 retries": retries,
  "S15 one token refresh": { tests: refreshTests },
  keys,
  codecs,
  cells,
  "values of cells": cellValues,
  watches,
  "sub-spaces": within,
  updates,
  transactions,
  callbacks,
  guards,
  opening,
  owners,
  parts,
  "hand-over": handOver,
  signals,
  timeouts,
  "bad input": badInput,
  "many waiters": manyWaiters,
  "web locks, arguments": webLocksArguments,
  "web locks, grants": webLocksGrants,
  "web locks, signals": webLocksSignals,
  "web locks, steal and query": webLocksSteal,
};

/** All tests: `{ suite, name, run }`. What a host is, see README.md. */
export async function collect(host) {
  const tests = await scenarioTests(host);
  for (const [suite, module] of Object.entries(SUITES)) {
    for (const { name, run } of module.tests) tests.push({ suite, name, run: () => run(host) });
  }
  return [...tests, ...(await badInputTests(host))];
}
