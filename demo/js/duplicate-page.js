// The case `document`: many users press "duplicate page" in one questionnaire at the same time.

import { lostUpdates, outcome, sendMany } from "./driver.js";
import { withLatchwork, withoutLatchwork } from "./handlers.js";

const REQUESTS = 200;
const AT_ONCE = 50;
const ID = "stay";

/**
 * Runs the case, first without Latchwork, then with it.
 *
 * `serve(handlers)` makes a service of the handlers and answers `{ duplicatePage(id, position), close() }`.
 */
export async function duplicatePageCase({ host, questionnaire, store, space, serve, say }) {
  const run = async (title, handlers) => {
    await store.save(ID, questionnaire);
    const service = await serve(handlers);
    const { answers, stuck, perSecond } = await sendMany({
      count: REQUESTS,
      atOnce: AT_ONCE,
      send: async () => (await service.duplicatePage(ID, 0)).pages,
    }).finally(() => service.close());
    const pages = (await store.load(ID)).pages.length;
    const lost = lostUpdates({ count: REQUESTS, pages, answers });
    say(`  ${title}: ${pages} of ${REQUESTS + 1} pages are there, ${lost} updates lost`);
    return { lost, stuck, perSecond };
  };

  say(`${REQUESTS} requests "duplicate page" for one questionnaire, ${AT_ONCE} at once`);
  const runs = [
    await run("without Latchwork", withoutLatchwork(store)),
    await run("with Latchwork   ", withLatchwork(store, space)),
  ];
  const [lost, stuck, perSecond] = ["lost", "stuck", "perSecond"].map((name) => runs.map((run) => run[name]));
  say(outcome({ host, name: "document", requests: REQUESTS, lost, stuck, perSecond }));
}
