/**
 * The tags that are written and read; all others are refused.
 *
 * @internal
 */
export const Tag = {
  /** A date as a text of RFC 3339. */
  Date: 0,
  /** A date as seconds since 1970: read only. */
  Seconds: 1,
  /** An integer beyond 64 bits, as bytes. */
  Positive: 2,
  /** The same below zero. */
  Negative: 3,
  /** An array that is a set. */
  Set: 258,
  /** A map that is no object, though all its keys are strings. */
  Map: 259,
} as const;
