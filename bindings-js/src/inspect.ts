/**
 * What a log or debugger of Node shows of objects: what concerns their user, nothing of their inside. Only hosts that have
 * such a log install it.
 *
 * @internal
 */

import { Guard } from "./guard.js";
import { type Key, keyOf, TupleKey } from "./key.js";
import type { KeyValue } from "./native.js";
import { Owner } from "./owner.js";
import { showQueries } from "./query.js";
import { textOf } from "./query_text.js";
import { Space } from "./space.js";
import type { Place } from "./within.js";

/** Node passes it along; other hosts that know the symbol may not. */
type Inspect = (value: unknown, options: unknown) => string;

/** Has logs show the objects of this package. */
export function installInspection(): void {
  show(Space.prototype, "Space", shownSpace);
  show(Owner.prototype, "Owner", ({ id, label, closed }) => ({ id, ...(label !== undefined && { label }), closed }));
  show(Guard.prototype, "Guard", shownGuard);
  // On each result, unseen: a query is plain data.
  showQueries((query) => define(query, textOf));
  define(TupleKey.prototype, (key) => `key${key}`);
}

function shownSpace({ url, native, epoch, root }: Space): object {
  return {
    ...(url !== undefined && { url }),
    ...(native.inside !== undefined && { within: prefixesOf(native.inside) }),
    epoch,
    closed: root.closed,
  };
}

function prefixesOf({ outer, prefixes }: Place): Key[] {
  return prefixes.map((prefix) => keyOf(outer.decode(prefix) as KeyValue));
}

function shownGuard(guard: Guard): object {
  const { keys, shared, label, token, held, abandoned } = guard;
  const owner = Guard.ownerSoFar(guard);
  return {
    keys,
    ...(shared.length > 0 && { shared }),
    ...(owner !== undefined && { owner: owner.label ?? owner.id }),
    ...(label !== undefined && { label }),
    token,
    held,
    ...(abandoned && { abandoned }),
  };
}

function show<T extends object>(prototype: T, name: string, fields: (object: T) => object): void {
  define(prototype, (object, options, inspect) => {
    const shown = fields(object);
    return inspect === undefined ? shown : `${name} ${inspect(shown, options)}`;
  });
}

function define<T extends object>(prototype: T, shown: (object: T, options: unknown, inspect?: Inspect) => unknown): T {
  return Object.defineProperty(prototype, Symbol.for("nodejs.util.inspect.custom"), {
    value(this: T, _depth: number, options: unknown, inspect?: Inspect) {
      return shown(this, options, inspect);
    },
    configurable: true,
    writable: true,
  });
}
