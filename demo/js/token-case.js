// The case `token`: many requests need a token that runs out again and again.

import { outcome, sendMany } from "./driver.js";
import { Provider, Refused, withLatchwork, withoutLatchwork } from "./tokens.js";

const REQUESTS = 200;
const AT_ONCE = 50;

/** Runs the case, first without Latchwork, then with it. Lost are the requests that were refused. */
export async function tokenCase({ host, space, serve, say }) {
  say(`${REQUESTS} requests that need a token, ${AT_ONCE} at once`);
  const runs = [];
  for (const [title, handlersOf] of [
    ["without Latchwork", withoutLatchwork],
    ["with Latchwork   ", withLatchwork],
  ]) {
    const provider = new Provider();
    const service = await serve(handlersOf(provider, space));
    const ran = await run(service).finally(() => service.close());
    say(`  ${title}: ${ran.lost} requests were refused, a token was fetched ${provider.fetched} times`);
    runs.push(ran);
  }
  const [lost, stuck, perSecond] = ["lost", "stuck", "perSecond"].map((field) => runs.map((ran) => ran[field]));
  say(outcome({ host, name: "token", requests: REQUESTS, lost, stuck, perSecond }));
}

async function run(service) {
  const send = () =>
    service.report().then(
      () => 0,
      (error) => {
        if (!(error instanceof Refused)) throw error;
        return 1;
      },
    );
  const { answers, stuck, perSecond } = await sendMany({ count: REQUESTS, atOnce: AT_ONCE, send });
  return { lost: answers.reduce((sum, each) => sum + each, 0), stuck, perSecond };
}
