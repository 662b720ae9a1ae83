// The handlers of a questionnaire service, without Latchwork and with it. A store has `load(id)` and `save(id, document)`.

import { insertCopy } from "./questionnaire.js";

/** Load, change, save: while one request waits for its load or its save, others load the same document. */
export function withoutLatchwork(store) {
  return {
    async duplicatePage(id, position) {
      const document = await store.load(id);
      insertCopy(document, position);
      await store.save(id, document);
      return { pages: document.pages.length };
    },
  };
}

/** The same, one request at a time for each document; other documents are not held up. */
export function withLatchwork(store, space) {
  const { duplicatePage } = withoutLatchwork(store);
  return {
    duplicatePage: (id, position) => space.withLock(`document/${id}`, () => duplicatePage(id, position)),
  };
}
