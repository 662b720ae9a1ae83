// What was found, one JSON object to a line; `bench/README.md` describes them.

/**
 * What ours and a peer's side cost in each round, in nanoseconds per operation; and how often their bodies ran, where both
 * tell `{ each, most }`.
 */
export function comparison(host, name, peer, ours, theirs, runs = {}) {
  print({ kind: "comparison", host, case: name, peer, ours: tenths(ours), theirs: tenths(theirs), ...runs });
}

/** A point of a curve: what one operation cost in each round where there were `x` waiters. */
export function point(host, plot, series, x, costs) {
  print({ kind: "point", host, plot, series, x, costs: tenths(costs) });
}

/** A file's size beside the most that it may be, in bytes. */
export function size(host, name, peer, ours, theirs) {
  print({ kind: "size", host, case: name, peer, ours, theirs });
}

/** Compares the first side, which is ours, with each of the others. */
export function comparisons(host, name, sides, costs) {
  for (let side = 1; side < sides.length; side++) {
    const [ours, theirs] = [sides[0].runs, sides[side].runs];
    const runs = ours && theirs ? { ours_runs: ours, theirs_runs: theirs } : {};
    comparison(host, name, sides[side].name, costs[0], costs[side], runs);
  }
}

function print(finding) {
  console.log(JSON.stringify(finding));
}

function tenths(costs) {
  return costs.map((cost) => Math.round(cost * 10) / 10);
}
