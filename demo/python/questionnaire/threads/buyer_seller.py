"""The case `buyer-seller`: each purchase needs two accounts, and two people buy from each other at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from latchwork import Space

from ..accounts import PAIRS, PURCHASES, PURCHASES_EACH, check, new_account, pay, say_case, say_counts
from ..documents import Store
from ..report import Count

BothLocks = Callable[[str, str], AbstractContextManager[object]]


def without_latchwork() -> BothLocks:
    """One account after the other. Two who hold one each wait for ever; the barrier makes it certain."""
    locks = {account: threading.Lock() for pair in PAIRS for account in pair}
    both_hold_one = threading.Barrier(2)

    @contextmanager
    def both(buyer: str, seller: str) -> Iterator[None]:
        with locks[buyer]:
            both_hold_one.wait()
            with locks[seller]:
                yield

    return both


def with_latchwork(space: Space) -> BothLocks:
    """Both accounts in one request: it holds nothing while it waits."""
    return lambda buyer, seller: space.lock(buyer, seller)


def buyer_seller_case(host: str, store: Store, space: Space) -> None:
    """Run the case, first without Latchwork, then with it."""
    say_case()
    without = trade(store, without_latchwork, patience=0.5)
    locked = trade(store, lambda: with_latchwork(space), patience=30)
    say_counts(host, without, locked)


def trade(store: Store, locks: Callable[[], BothLocks], patience: float) -> Count:
    """Have all pairs trade, and count those who have not ended after `patience` seconds.

    A thread cannot be stopped from outside: those who are stuck stay so until the process ends.
    """
    for account in (account for pair in PAIRS for account in pair):
        store.save(account, new_account())
    start = time.perf_counter()
    pairs = [start_pair(store, *pair, locks()) for pair in PAIRS]
    deadline = start + patience
    for thread in (thread for pair in pairs for thread in pair):
        thread.join(max(0.0, deadline - time.perf_counter()))
    seconds = time.perf_counter() - start
    stuck = sum(any(thread.is_alive() for thread in pair) for pair in pairs)
    done = check(store.load(account) for pair in PAIRS for account in pair)
    return Count(None if stuck else PURCHASES - done, stuck, None if stuck else done / seconds)


def start_pair(
    store: Store, anna: str, ben: str, both: BothLocks
) -> tuple[threading.Thread, threading.Thread]:
    """Have the two buy from each other, each in a thread of its own."""

    def buy_all(buyer: str, seller: str) -> None:
        for _ in range(PURCHASES_EACH):
            with both(buyer, seller):
                purchase(store, buyer, seller)

    threads = (
        threading.Thread(target=buy_all, args=(anna, ben), daemon=True),
        threading.Thread(target=buy_all, args=(ben, anna), daemon=True),
    )
    for thread in threads:
        thread.start()
    return threads


def purchase(store: Store, buyer: str, seller: str) -> None:
    """Load both accounts, move the price, save both."""
    payer, payee = store.load(buyer), store.load(seller)
    pay(payer, payee)
    store.save(buyer, payer)
    store.save(seller, payee)
