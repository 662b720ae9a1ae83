/**
 * What a call of `update` or `transact` was told besides what it is to do.
 *
 * @internal
 */

import { countOf, demandOf, expiryOf, guardOf } from "./cell_arguments.js";
import { invalid } from "./error.js";
import { isReleased } from "./guard.js";
import { rawKeys } from "./key.js";
import type { RawSpec } from "./native_calls.js";
import type { RawDemand } from "./native_cells.js";
import { checkOptions, checkSignal, checkTime } from "./options.js";
import { Owner } from "./owner.js";
import type { Space } from "./space.js";
import { isText } from "./text.js";

const TRANSACT = ["attempts", "timeout", "signal", "owner", "label", "guard", "guardKeys"];
const UPDATE = ["expireIn", ...TRANSACT];
const NEVER = Number.POSITIVE_INFINITY;

/** The options of a call, checked. */
export interface Spec {
  /** As it crosses; nothing where nothing was said. */
  readonly raw: RawSpec | undefined;
  readonly signal: AbortSignal | undefined;
  /** Whether it has a deadline. */
  readonly timed: boolean;
  /** Whose it is. */
  readonly owner: Owner | undefined;
  /** Whether that was made for it. */
  readonly isScoped: boolean;
  /** Keys as they were given, to say which was refused. */
  readonly given: readonly (readonly [what: string, keys: unknown])[];
}

/** What an update of this key was told. Throws the reason of a signal that is aborted. */
export function updateSpec(space: Space, key: unknown, options: unknown): Spec {
  return specOf(space, options, UPDATE, [["key", key]]);
}

/** As {@link updateSpec}, of a transaction. */
export function transactSpec(space: Space, options: unknown): Spec {
  return specOf(space, options, TRANSACT, []);
}

/** The call is over: so is the owner that was made for it. */
export function endScope({ owner, isScoped }: Spec): void {
  if (isScoped) owner?.close();
}

function specOf(space: Space, options: unknown, known: readonly string[], given: Spec["given"]): Spec {
  if (options === undefined) {
    const said = { raw: undefined, signal: undefined, timed: false, owner: undefined, isScoped: false, given };
    return scoped(space, said);
  }
  checkOptions(options, known);
  // Each is read once: a getter may answer otherwise the next time.
  const { expireIn, attempts, timeout, signal, owner, label, guard, guardKeys } = options;
  if (label !== undefined && typeof label !== "string") throw invalid("label", "must be a string");
  if (label !== undefined && !isText(label)) throw invalid("label", "a string with a lone surrogate");
  // Whether it is one of this space the core tells.
  if (owner !== undefined && !(owner instanceof Owner)) throw invalid("owner", "must be an owner, from space.owner()");
  const demand = guard === undefined ? undefined : guardedBy(space, guard, guardKeys);
  const raw: RawSpec = {
    attempts: countOf(attempts, "attempts", 1),
    timeout: checkTime(timeout, "timeout"),
    owner: owner?.number ?? 0,
    expireIn: expireIn === undefined ? Number.NaN : expiryOf(expireIn),
    ...(label !== undefined && { label }),
    ...(demand && { guard: demand }),
  };
  if (guard === undefined && guardKeys !== undefined) throw invalid("guardKeys", "are those of a guard: there is none");
  const spec: Spec = {
    raw,
    signal: checkSignal(signal),
    timed: raw.timeout !== NEVER,
    owner,
    isScoped: false,
    given: [...given, ["guardKeys", guardKeys]],
  };
  if (spec.signal?.aborted) throw spec.signal.reason;
  return scoped(space, spec);
}

/** In a space that looks for it, the call has the owner of the body that it is in, or one of its own. */
function scoped(space: Space, spec: Spec): Spec {
  const { ambient } = space;
  if (ambient === undefined || spec.owner !== undefined) return spec;
  const around = ambient.owner();
  const owner = around ?? space.owner();
  const raw = spec.raw ?? { attempts: NEVER, timeout: NEVER, owner: 0, expireIn: Number.NaN };
  return { ...spec, owner, isScoped: around === undefined, raw: { ...raw, owner: owner.number } };
}

function guardedBy(space: Space, given: unknown, keys: unknown): RawDemand {
  const guard = guardOf(space, given);
  const demand = demandOf(guard, isReleased(guard));
  return keys === undefined ? demand : { ...demand, keys: rawKeys(space.native, keys, "guardKeys") };
}
