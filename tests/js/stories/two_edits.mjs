// S3: two edits of different parts of one document, both loaded before either is saved.

import { is, ok, same } from "../check.mjs";
import { barrier } from "../turn.mjs";

const BEFORE = { title: "untitled", pages: ["first"] };
const EDITS = [
  (document) => ({ ...document, title: "Two edits" }),
  (document) => ({ ...document, pages: [...document.pages, "second"] }),
];

async function byUpdate(host) {
  const space = await host.latchwork.open();
  const { version: first } = await space.set("d1", BEFORE);
  const loaded = barrier(2);
  const edited = await Promise.all(
    EDITS.map(async (edit) => {
      let runs = 0;
      return space.update("d1", async (document) => {
        // Later runs have nobody to wait for.
        if (++runs === 1) await loaded();
        return edit(document);
      });
    }),
  );
  const { value, version } = await space.get("d1");
  same(value, { title: "Two edits", pages: ["first", "second"] });
  same(edited.map(({ attempts }) => attempts).toSorted(), [1, 2], "the second saver saw one conflict");
  const [one, two] = edited.map((answer) => answer.version).toSorted((a, b) => a - b);
  ok(first < one && one < two && two === version, `versions ${[first, one, two, version]}`);
  is(edited.find(({ attempts }) => attempts === 2).version, version, "who ran again came second");
  await space.close();
}

async function byTransaction(host) {
  const space = await host.latchwork.open();
  await space.set("d1", BEFORE);
  const loaded = barrier(2);
  const edited = await Promise.all(
    EDITS.map((edit) =>
      space.transact(async (tx) => {
        const { value } = await tx.get("d1");
        if (tx.attempt === 1) await loaded();
        await tx.set("d1", edit(value));
      }),
    ),
  );
  same((await space.get("d1")).value, { title: "Two edits", pages: ["first", "second"] });
  same(edited.map(({ attempts }) => attempts).toSorted(), [1, 2], "the second saver saw one conflict");
  await space.close();
}

/** Who reads and then writes undoes the other's edit. */
async function control(host) {
  const space = await host.latchwork.open();
  await space.set("d1", BEFORE);
  const loaded = barrier(2);
  await Promise.all(
    EDITS.map(async (edit) => {
      const { value } = await space.get("d1");
      await loaded();
      await space.set("d1", edit(value));
    }),
  );
  const { title, pages } = (await space.get("d1")).value;
  is(title === "Two edits" && pages.length === 2, false, "no edit is missing");
  await space.close();
}

export const tests = [
  { name: "both edits are there, by update", run: byUpdate },
  { name: "both edits are there, by transaction", run: byTransaction },
  { name: "control: who reads and then writes loses an edit", run: control },
];
