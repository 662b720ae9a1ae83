/**
 * What a person reads of a query when something hangs: who holds, who waits, since when, for whom.
 *
 * @internal
 */

import type { Blocker, OwnerName } from "./error.js";
import { describe, type Key } from "./key.js";
import type { Query } from "./query.js";

/** One line for each lock that is held and each request that waits. */
export function textOf({ held, pending }: Query): string {
  if (held.length + pending.length === 0) return "nothing is held, nothing waits";
  const holds = held.map(({ token, age, claimed, ...request }) => {
    const waited = age === undefined ? "" : `, waited for since ${seconds(age)}`;
    return `held     ${asked(request)}, token ${token}${waited}${claimed ? "" : ", not seen by its caller yet"}`;
  });
  const waits = pending.map(({ position, age, blockedBy, ...request }) => {
    const since = age === undefined ? "" : `, since ${seconds(age)}`;
    const blockers = blockedBy.length === 0 ? "" : `, behind ${blockedBy.map(blocker).join("; ")}`;
    return `waiting  ${asked(request)}, place ${position}${since}${blockers}`;
  });
  return [...holds, ...waits].join("\n");
}

interface Asked {
  keys: readonly Key[];
  shared: readonly Key[];
  owner?: OwnerName;
  label?: string;
}

function asked({ keys, shared, owner, label }: Asked): string {
  const all = [...keys.map(describe), ...shared.map((key) => `${describe(key)} (shared)`)].join(", ") || "no key";
  return `${all}${by(owner, label)}`;
}

function blocker({ key, owner, label, token }: Blocker): string {
  const who = by(owner, label) || " by someone";
  return token === undefined ? `${describe(key)} reserved${who}` : `${describe(key)} held${who}, token ${token}`;
}

function by(owner: OwnerName | undefined, label: string | undefined): string {
  const name = owner && (owner.label === undefined ? owner.id : JSON.stringify(owner.label));
  const what = label === undefined ? "" : ` as ${JSON.stringify(label)}`;
  return `${name === undefined ? "" : ` by ${name}`}${what}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}
