// What a questionnaire can have done to it. Plain data in, nothing asynchronous.

/** Inserts a copy of the page at `position` right behind it. */
export function insertCopy(document, position) {
  const page = document.pages[position];
  if (page === undefined) throw new RangeError(`no such page position=${position}`);
  const copy = structuredClone(page);
  copy.id = `page-${document.pages.length + 1}`;
  document.pages.splice(position + 1, 0, copy);
}
