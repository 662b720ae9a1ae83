import { type Key, key, type TupleKey } from "./key.js";

/**
 * Names the turn of a cell: what an update or a transaction holds that lost too often. For `space.query`, and for `space.revoke`, which ends the call that has it with `fenced`; no other operation takes it.
 *
 * @throws {LatchworkError} `invalid` where the cell is no key.
 *
 * @example
 * const { held } = await space.query(turnOf("doc"));
 */
export function turnOf(cell: Key): TupleKey {
  return Object.assign(key("turn of", cell), { cell });
}
