// S2 (queue form): many requests duplicate a page of one document, each by loading it, changing it and saving it whole.

import { is, isEmpty, ok, same } from "../check.mjs";
import { turn } from "../turn.mjs";

/** A store whose every access suspends, as a database's does. */
function store() {
  let text = JSON.stringify({ pages: ["first"] });
  return {
    async load() {
      await turn();
      return JSON.parse(text);
    },
    async save(document) {
      await turn();
      text = JSON.stringify(document);
    },
  };
}

async function duplicate(documents) {
  const document = await documents.load();
  await undefined;
  document.pages.push(document.pages[0]);
  await documents.save(document);
  return document.pages.length;
}

async function queued(host, requests) {
  const space = await host.latchwork.open();
  const documents = store();
  const answers = [];
  let runs = 0;
  const one = async () => {
    const answer = await space.withLock(["document", "d1"], () => {
      runs++;
      return duplicate(documents);
    });
    answers.push(answer);
  };
  await Promise.all(Array.from({ length: requests }, one));
  is((await documents.load()).pages.length, requests + 1, "pages");
  same(
    answers,
    Array.from({ length: requests }, (_, index) => index + 2),
    "answers in order of completion",
  );
  is(runs, requests, "runs of the body");
  await isEmpty(space);
  await space.close();
}

/** Without a lock most of the pages are lost. */
async function control() {
  const requests = 50;
  const documents = store();
  await Promise.all(Array.from({ length: requests }, () => duplicate(documents)));
  const { length } = (await documents.load()).pages;
  ok(length < requests + 1, `nothing was lost: ${length} pages`);
}

export const tests = [
  { name: "50 requests lose no page", run: (host) => queued(host, 50) },
  { name: "200 requests lose no page", run: (host) => queued(host, 200) },
  { name: "control: without a lock pages are lost", run: control },
];
