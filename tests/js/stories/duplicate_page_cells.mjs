// S2 (cell form): many requests duplicate a page of one document that is a cell, each by loading it, changing it and saving it.

import { is, ok, same } from "../check.mjs";
import { turn } from "../turn.mjs";

/** The most that a function of an update may run. */
const MOST = 4;

async function updated(host, requests) {
  const { key, open } = host.latchwork;
  const space = await open();
  const document = key("document", "d1");
  await space.set(document, { pages: ["first"] });
  const runs = [];
  const duplicate = async (_, request) => {
    runs[request] = 0;
    const { value, attempts, changed } = await space.update(document, async (loaded) => {
      runs[request]++;
      await turn();
      loaded.pages.push(loaded.pages[0]);
      await turn();
      return loaded;
    });
    is(attempts, runs[request], "attempts");
    is(changed, true);
    return value.pages.length;
  };
  const answers = await Promise.all(Array.from({ length: requests }, duplicate));
  is((await space.get(document)).value.pages.length, requests + 1, "pages");
  const all = Array.from({ length: requests }, (_, index) => index + 2);
  same(
    answers.toSorted((a, b) => a - b),
    all,
    "answers",
  );
  ok(Math.max(...runs) <= MOST, `a function ran ${Math.max(...runs)} times`);
  ok(Math.max(...runs) > 1, "nobody was in anybody's way");
  same(await space.query(), { held: [], pending: [] }, "turns that are left");
  await space.close();
}

/** Who reads and then writes loses most of the pages. */
async function control(host) {
  const space = await host.latchwork.open();
  const requests = 50;
  await space.set("d1", { pages: ["first"] });
  const duplicate = async () => {
    const { value } = await space.get("d1");
    await turn();
    value.pages.push(value.pages[0]);
    await turn();
    await space.set("d1", value);
  };
  await Promise.all(Array.from({ length: requests }, duplicate));
  const { length } = (await space.get("d1")).value.pages;
  ok(length < requests + 1, `nothing was lost: ${length} pages`);
  await space.close();
}

export const tests = [
  { name: "50 requests lose no page, and none loads it more than 4 times", run: (host) => updated(host, 50) },
  { name: "200 requests lose no page, and none loads it more than 4 times", run: (host) => updated(host, 200) },
  { name: "control: who reads and then writes loses pages", run: control },
];
