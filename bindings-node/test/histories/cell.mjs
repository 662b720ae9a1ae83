// Whether what several threads saw of one cell can be told as one thing after another (linearisability). It knows nothing of
// versions: every write is of a value that no other write has.

/**
 * What is wrong with a history, in words; nothing where all is well. Each operation: `{ begin, end, read, wrote }`, instants
 * before and after it, the value that it saw and the one that it wrote, if any. `initial`: what the cell held before.
 */
export function faultsOfCell(history, initial) {
  const places = placesOf(history, initial);
  if (typeof places === "string") return [places];
  const faults = [];
  const ends = history.toSorted((one, other) => one.end - other.end);
  // The latest place that anybody has seen who had ended.
  let latest = 0;
  let ended = 0;
  for (const operation of history.toSorted((one, other) => one.begin - other.begin)) {
    for (; ended < ends.length && ends[ended].end < operation.begin; ended++) {
      latest = Math.max(latest, placeOf(ends[ended], places));
    }
    const place = placeOf(operation, places);
    const writes = operation.wrote !== undefined;
    if (writes ? place <= latest : place < latest) faults.push(`${show(operation)} after place ${latest} was seen`);
  }
  return faults;
}

/** Where each value comes in the one order that there can be: each write follows the one whose value it saw. */
function placesOf(history, initial) {
  const followers = new Map();
  for (const { read, wrote } of history) {
    if (wrote === undefined) continue;
    if (followers.has(read)) return `a lost update: ${followers.get(read)} and ${wrote} both saw ${read}`;
    followers.set(read, wrote);
  }
  const places = new Map([[initial, 0]]);
  let value = initial;
  while (followers.has(value)) {
    value = followers.get(value);
    if (places.has(value)) return `${value} was written twice`;
    places.set(value, places.size);
  }
  if (places.size !== followers.size + 1) return "a write that saw what nobody wrote";
  for (const { read } of history) if (!places.has(read)) return `a read of ${read}, which nobody wrote`;
  return places;
}

function placeOf({ read, wrote }, places) {
  return places.get(wrote ?? read);
}

function show({ read, wrote, begin, end }) {
  return `${wrote === undefined ? `a read of ${read}` : `a write of ${wrote} on ${read}`} at ${begin}..${end}`;
}
