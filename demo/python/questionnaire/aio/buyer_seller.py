"""The case `buyer-seller`: each purchase needs two accounts, and two people buy from each other at once."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from latchwork.aio import Space

from ..accounts import PAIRS, PURCHASES, PURCHASES_EACH, check, new_account, pay, say_case, say_counts
from ..report import Count
from .store import Store

BothLocks = Callable[[str, str], AbstractAsyncContextManager[object]]


class Barrier:
    """Opens for all when `count` have come; asyncio has one since Python 3.11."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self._opened = asyncio.Event()

    async def wait(self) -> None:
        """Come, and wait for the others."""
        self._missing -= 1
        if self._missing == 0:
            self._opened.set()
        await self._opened.wait()


def without_latchwork() -> BothLocks:
    """One account after the other. Two who hold one each wait for ever; the barrier makes it certain."""
    locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    both_hold_one = Barrier(2)

    @asynccontextmanager
    async def both(buyer: str, seller: str) -> AsyncIterator[None]:
        async with locks[buyer]:
            await both_hold_one.wait()
            async with locks[seller]:
                yield

    return both


def with_latchwork(space: Space) -> BothLocks:
    """Both accounts in one request: it holds nothing while it waits."""
    return lambda buyer, seller: space.lock(buyer, seller)


async def buyer_seller_case(host: str, store: Store, space: Space) -> None:
    """Run the case, first without Latchwork, then with it."""
    say_case()
    without = await trade(store, without_latchwork, patience=0.5)
    locked = await trade(store, lambda: with_latchwork(space), patience=30)
    say_counts(host, without, locked)


async def trade(store: Store, locks: Callable[[], BothLocks], patience: float) -> Count:
    """Have all pairs trade, and count those who have not ended after `patience` seconds."""
    for account in (account for pair in PAIRS for account in pair):
        await store.save(account, new_account())
    start = time.perf_counter()
    pairs = [asyncio.ensure_future(trade_both_ways(store, *pair, locks())) for pair in PAIRS]
    ended, stuck = await asyncio.wait(pairs, timeout=patience)
    seconds = time.perf_counter() - start
    for pair in stuck:
        pair.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    for pair in ended:
        pair.result()
    done = check([await store.load(account) for pair in PAIRS for account in pair])
    return Count(None if stuck else PURCHASES - done, len(stuck), None if stuck else done / seconds)


async def trade_both_ways(store: Store, anna: str, ben: str, both: BothLocks) -> None:
    """Have the two buy from each other at the same time."""

    async def buy_all(buyer: str, seller: str) -> None:
        for _ in range(PURCHASES_EACH):
            async with both(buyer, seller):
                await purchase(store, buyer, seller)

    await asyncio.gather(buy_all(anna, ben), buy_all(ben, anna))


async def purchase(store: Store, buyer: str, seller: str) -> None:
    """Load both accounts, move the price, save both."""
    payer, payee = await asyncio.gather(store.load(buyer), store.load(seller))
    pay(payer, payee)
    await asyncio.gather(store.save(buyer, payer), store.save(seller, payee))
