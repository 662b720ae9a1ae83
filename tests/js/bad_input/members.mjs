// The public surface as it is found by looking: what is there must be in the table.

/** Every function that a user of the package can call: `Space.lock`, `Guard[Symbol.dispose]`, `testing.encodeKey`. */
export async function membersOf({ latchwork, testing, webLocks }) {
  const clock = testing.manualClock();
  const space = await latchwork.open();
  const guard = await space.lock("k");
  const objects = {
    Space: space,
    Guard: guard,
    Owner: space.owner(),
    TupleKey: latchwork.key(),
    ManualClock: clock,
    LatchworkError: latchwork.LatchworkError.prototype,
    LockManager: webLocks.lockManager(space),
    Transaction: (await space.transact((tx) => tx)).value,
  };
  const found = [];
  for (const [module, exported] of Object.entries({ latchwork, testing, webLocks })) {
    for (const [name, value] of Object.entries(exported)) {
      // What is of `latchwork/testing` may be offered by both.
      if (typeof value === "function" && !(module === "latchwork" && name in testing)) found.push(`${module}.${name}`);
    }
  }
  for (const [name, object] of Object.entries(objects)) {
    const prototype = object instanceof Error ? object : Object.getPrototypeOf(object);
    for (const key of Reflect.ownKeys(prototype)) {
      const { value, set } = Object.getOwnPropertyDescriptor(prototype, key);
      // A property that can only be read takes nothing.
      if (key === "constructor" || (typeof value !== "function" && set === undefined)) continue;
      found.push(name + (typeof key === "symbol" ? `[${symbolName(key)}]` : `.${key}`));
    }
  }
  guard.release();
  await space.close();
  return found;
}

/** What is there and not in the table, and what is in the table and not there. */
export function compareMembers(found, operations, exempt) {
  const listed = operations.flatMap(({ members }) => members);
  return {
    missing: found.filter((name) => !listed.includes(name) && !exempt.includes(name)),
    stale: listed.filter((name) => !found.includes(name)),
  };
}

/** The receivers that each class of operations must name: objects that one can have and not use. */
const RECEIVERS = {
  Space: ["closed space", "no space"],
  Guard: ["released guard", "guard of a closed space", "no guard"],
  Owner: ["closed owner", "owner of a closed space", "no owner"],
};

/** Operations that say nothing of some receiver. */
export function compareReceivers(operations) {
  return operations.flatMap(({ name, members, receivers }) =>
    Object.entries(RECEIVERS).flatMap(([type, names]) => {
      if (!members.some((member) => member.startsWith(type))) return [];
      return names.filter((receiver) => !(receiver in receivers)).map((receiver) => `${name}: ${receiver}`);
    }),
  );
}

function symbolName(symbol) {
  // Where the engine lacks them, a polyfill may have described them otherwise.
  if (symbol === Symbol.dispose) return "Symbol.dispose";
  if (symbol === Symbol.asyncDispose) return "Symbol.asyncDispose";
  return String(symbol);
}
