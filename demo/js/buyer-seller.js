// The case `buyer-seller`: each purchase needs two accounts, and two people buy from each other at once.

import { inTime, LATE, outcome } from "./driver.js";
import { Barrier, Mutexes } from "./mutex.js";

const PAIRS = 10;
const PURCHASES_EACH = 10;
const PURCHASES = PAIRS * 2 * PURCHASES_EACH;
const PRICE = 5;

/** One account after the other. Two actors who hold one each wait for each other for ever; the barrier makes it certain. */
function withoutLatchwork(bothHoldOne) {
  const mutexes = new Mutexes();
  return async (buyer, seller, purchase) => {
    const releaseBuyer = await mutexes.acquire(buyer);
    await bothHoldOne.arrive();
    const releaseSeller = await mutexes.acquire(seller);
    try {
      return await purchase();
    } finally {
      releaseSeller();
      releaseBuyer();
    }
  };
}

/** Both accounts in one request: it holds nothing while it waits. */
function withLatchwork(space) {
  return (buyer, seller, purchase) => space.withLock([buyer, seller], purchase);
}

/** Runs the case, first without Latchwork, then with it. */
export async function buyerSellerCase({ host, store, space, say }) {
  const pairs = Array.from({ length: PAIRS }, (_, number) => [`anna-${number}`, `ben-${number}`]);
  say(`${PAIRS} pairs buy from each other, ${PURCHASES_EACH} purchases each, two accounts for each`);

  const without = await trade(store, pairs, () => withoutLatchwork(new Barrier(2)), 500);
  say(`  without Latchwork: ${without.stuck} pairs stuck, each of the two with one account`);
  const locked = await trade(store, pairs, () => withLatchwork(space), 30_000);
  say(`  with Latchwork   : ${locked.stuck} pairs stuck, ${locked.done} purchases done`);
  say(
    outcome({
      host,
      name: "buyer-seller",
      requests: PURCHASES,
      lost: [null, PURCHASES - locked.done],
      stuck: [without.stuck, locked.stuck],
      perSecond: [null, locked.perSecond],
    }),
  );
}

/** Has all pairs trade, and counts those who have not ended after `patience` milliseconds. */
async function trade(store, pairs, lockerOf, patience) {
  for (const account of pairs.flat()) await store.save(account, { balance: 1000, entries: [] });
  const start = performance.now();
  const ends = await Promise.all(pairs.map((pair) => inTime(tradeBothWays(store, pair, lockerOf()), patience)));
  const seconds = (performance.now() - start) / 1000;

  const accounts = await Promise.all(pairs.flat().map((account) => store.load(account)));
  const balance = accounts.reduce((sum, account) => sum + account.balance, 0);
  if (balance !== 1000 * accounts.length) throw new Error(`money was made or lost balance=${balance}`);
  const done = accounts.reduce((sum, account) => sum + account.entries.length, 0) / 2;
  return { stuck: ends.filter((end) => end === LATE).length, done, perSecond: done / seconds };
}

function tradeBothWays(store, [anna, ben], locked) {
  const buyAll = async (buyer, seller) => {
    for (let bought = 0; bought < PURCHASES_EACH; bought += 1) {
      await locked(buyer, seller, () => purchase(store, buyer, seller));
    }
  };
  return Promise.all([buyAll(anna, ben), buyAll(ben, anna)]);
}

/** Loads both accounts, moves the price, saves both. */
async function purchase(store, buyer, seller) {
  const [from, to] = await Promise.all([store.load(buyer), store.load(seller)]);
  from.balance -= PRICE;
  from.entries.push({ to: seller, amount: -PRICE });
  to.balance += PRICE;
  to.entries.push({ from: buyer, amount: PRICE });
  await Promise.all([store.save(buyer, from), store.save(seller, to)]);
}
