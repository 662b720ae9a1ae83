// Waiting without the clock.

/** Waits until the host has finished this turn of its event loop, with all its microtasks. */
export function turn() {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Lets this thread do everything that it can without the clock. */
export async function turns() {
  for (let count = 0; count < 3; count++) await turn();
}

/** What other threads do meanwhile, where there are any: answers whether anything came of it. */
let others = async () => false;

/** Has {@link quiet} wait for other threads too. */
export function settleOthers(settle) {
  others = settle;
}

/** Lets everything happen that can happen without the clock. */
export async function quiet() {
  do await turns();
  while (await others());
}

/** A promise, and what settles it. */
export function deferred() {
  let settle;
  const promise = new Promise((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}

/** Lets `size` callers go on together, each time as many have come. */
export function barrier(size) {
  let waiting = [];
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length < size) return;
      const all = waiting;
      waiting = [];
      for (const go of all) go();
    });
}

/** Whether a promise is settled now, after the microtasks. */
export async function state(promise) {
  const pending = {};
  await quiet();
  try {
    return (await Promise.race([promise, pending])) === pending ? "pending" : "fulfilled";
  } catch {
    return "rejected";
  }
}

/** Numbers that look random and are the same in every run. */
export function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
