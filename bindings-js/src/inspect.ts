/**
 * What a log or debugger of Node shows of objects, also one that writes them as text or JSON: what concerns their user, nothing of
 * their inside. Only hosts that have such a log install it.
 *
 * @internal
 */

import { LatchworkError, raise } from "./error.js";
import { Guard, ownerSoFar } from "./guard.js";
import { type Key, key, keyOf, TupleKey } from "./key.js";
import { Owner } from "./owner.js";
import { type Query, showQueries } from "./query.js";
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
  unseen(Space.prototype, "toJSON", function (this: Space) {
    const { within, ...others } = shownSpace(this);
    return { ...others, ...(within !== undefined && { within: within.map(plainOf) }) };
  });
  unseen(Guard.prototype, "toJSON", function (this: Guard) {
    const { keys, shared = [], ...others } = shownGuard(this);
    return { keys: keys.map(plainOf), ...(shared.length > 0 && { shared: shared.map(plainOf) }), ...others };
  });
  // On each result: a query is plain data.
  showQueries((query) => {
    unseen(query, "toString", () => textOf(query));
    unseen(query, "toJSON", () => jsonOf(query));
    return define(query, textOf);
  });
  define(TupleKey.prototype, (tuple) => `key${tuple}`);
  traceInvalid();
}

/** At most so many lines of a stack are inside of here. */
const OURS = 16;

/**
 * Gives errors of arguments, which alone say why, a stack that reaches the caller: a stack has ten lines, and as many can be
 * inside of here.
 */
function traceInvalid(): void {
  Object.defineProperty(LatchworkError.prototype, "why", {
    set(this: LatchworkError, value: string) {
      Object.defineProperty(this, "why", { value, enumerable: true, configurable: true, writable: true });
      const host = Error as unknown as { stackTraceLimit?: number; captureStackTrace?(error: object): void };
      const limit = host.stackTraceLimit ?? 0;
      host.stackTraceLimit = limit + OURS;
      host.captureStackTrace?.(this);
      host.stackTraceLimit = limit;
    },
    configurable: true,
  });
}

interface ShownSpace {
  within?: readonly Key[];
  [more: string]: unknown;
}

function shownSpace({ url, native, epoch, root }: Space): ShownSpace {
  return {
    ...(url !== undefined && { url }),
    ...(native.inside !== undefined && { within: prefixesOf(native.inside) }),
    epoch,
    closed: root.closed,
  };
}

function prefixesOf({ outer, prefixes }: Place): Key[] {
  return prefixes.map((prefix) => keyOf(outer.decode(prefix) ?? raise(outer)));
}

/** A key as JSON has it: as it is as a part of another. */
function plainOf(part: Key): unknown {
  return key(part).toJSON()[0];
}

function jsonOf({ held, pending }: Query): object {
  const plain = <T extends { keys: readonly Key[]; shared: readonly Key[] }>(request: T) => ({
    ...request,
    keys: request.keys.map(plainOf),
    shared: request.shared.map(plainOf),
  });
  return {
    held: held.map(plain),
    pending: pending.map((wait) => ({
      ...plain(wait),
      blockedBy: wait.blockedBy.map((blocker) => ({ ...blocker, key: plainOf(blocker.key) })),
    })),
  };
}

interface ShownGuard {
  keys: readonly Key[];
  shared?: readonly Key[];
  [more: string]: unknown;
}

function shownGuard(guard: Guard): ShownGuard {
  const { keys, shared, label, token, held, abandoned } = guard;
  const owner = ownerSoFar(guard);
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
  unseen(prototype, "toJSON", function (this: T) {
    return fields(this);
  });
}

function define<T extends object>(prototype: T, shown: (object: T, options: unknown, inspect?: Inspect) => unknown): T {
  return unseen(
    prototype,
    Symbol.for("nodejs.util.inspect.custom"),
    function (this: T, _depth: number, options: unknown, inspect?: Inspect) {
      return shown(this, options, inspect);
    },
  );
}

/** Gives an object a method that is not seen among its fields. */
function unseen<T extends object>(object: T, name: string | symbol, method: unknown): T {
  return Object.defineProperty(object, name, { value: method, configurable: true, writable: true });
}
