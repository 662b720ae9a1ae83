// The handlers of a service that needs a token of somebody else's service: without Latchwork and with it.
//
// An access token is good for so many requests, then a new pair has to be fetched with the refresh token, which is good for one
// time only: whoever sends one that was used is refused.

import { Refused } from "./sessions.js";

export { Refused };

/** The service that tokens are for. */
export class Provider {
  #good = 0;
  #left = 0;
  /** How often a pair was fetched. */
  fetched = 0;

  /** The first refresh token. */
  get first() {
    return `refresh ${this.#good}`;
  }

  /** A new pair. */
  async refresh(token) {
    await pause();
    if (token !== `refresh ${this.#good}`) throw new Refused("the refresh token was used before");
    this.#good += 1;
    this.#left = USES;
    this.fetched += 1;
    return { access: `access ${this.#good}`, refresh: `refresh ${this.#good}` };
  }

  /** What the token is for; answers nothing where it is used up. */
  async report(token) {
    await pause();
    if (token !== `access ${this.#good}` || this.#left === 0) return undefined;
    this.#left -= 1;
    return "a report";
  }
}

/** How many requests an access token is good for. */
const USES = 20;

const pause = () => new Promise(setImmediate);

/** Look, fetch, keep: while one request waits for the new pair, others find none either, and fetch one with the same token. */
export function withoutLatchwork(provider) {
  let kept = { refresh: provider.first };
  return {
    async report() {
      for (;;) {
        const report = await provider.report(kept.access);
        if (report !== undefined) return { report };
        kept = await provider.refresh(kept.refresh);
      }
    },
  };
}

/** One request fetches the new pair, whatever the others do meanwhile: they wait for it, and go on with the new token. */
export function withLatchwork(provider, space) {
  const started = space.insert("refresh", provider.first);
  const fetched = (used) =>
    space.withLock("tokens", async (guard) => {
      const { value: access } = await space.get("access");
      if (access !== used) return access;
      const { value: refresh } = await space.get("refresh");
      const pair = await provider.refresh(refresh);
      const keep = async (tx) => {
        await tx.set("refresh", pair.refresh);
        await tx.set("access", pair.access);
      };
      await space.transact(keep, { guard });
      return pair.access;
    });
  return {
    async report() {
      await started;
      let { value: access } = await space.get("access");
      for (;;) {
        const report = await provider.report(access);
        if (report !== undefined) return { report };
        access = await fetched(access);
      }
    },
  };
}
