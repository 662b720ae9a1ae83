// A worker thread whose actors lock in every way, watched by the checker.

import { setImmediate as turn } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { open } from "latchwork";
import { Checker, KEYS } from "./checker.mjs";

const { url, memory, first, actors, rounds, seed, locked } = workerData;
const checker = new Checker(memory);
const space = await open(url);
const wrong = [];

async function act(actor) {
  const below = random(seed + actor);
  for (let round = 0; round < rounds; round++) {
    const asked = choose(below);
    const begun = checker.now();
    const waiting = ask(asked, below);
    const joined = checker.now();
    const guard = await waiting.catch(() => null);
    // A try that came too early, a time-out, a signal.
    if (guard === null) continue;
    wrong.push(...checker.enter(actor, asked, { begun, joined, token: BigInt(guard.token) }));
    for (let turns = below(3); turns > 0; turns--) await (below(2) === 0 ? undefined : turn());
    checker.leave(actor, asked);
    guard.release();
  }
}

/** Up to three keys, each exclusive or shared. */
function choose(below) {
  const exclusive = [];
  const shared = [];
  for (let count = 1 + below(3); count > 0; count--) {
    const key = below(KEYS);
    if (exclusive.includes(key) || shared.includes(key)) continue;
    (below(3) === 0 ? shared : exclusive).push(key);
  }
  return { exclusive, shared };
}

function ask({ exclusive, shared }, below) {
  if (!locked) return turn().then(() => ({ token: Number(checker.now()), release() {} }));
  const options = shared.length > 0 ? { shared } : {};
  switch (below(8)) {
    case 0:
      return space.tryLock(exclusive, options);
    case 1:
      return space.lock(exclusive, { ...options, timeout: below(3) });
    case 2: {
      const stop = new AbortController();
      turn().then(() => stop.abort());
      return space.lock(exclusive, { ...options, signal: stop.signal });
    }
    default:
      return space.lock(exclusive, options);
  }
}

function random(start) {
  let state = Math.imul(start + 1, 0x9e3779b1);
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

parentPort.postMessage("begins");
await Promise.all(Array.from({ length: actors }, (_, index) => act(first + index)));
parentPort.postMessage(wrong.slice(0, 3));
