"""The case `bank`: transfers between accounts, and audits that add all of them up, at the same time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from latchwork import Space, Transaction

from ..bank import ACCOUNTS, AUDITS, BALANCE, CLIENTS, count, say_case, say_counts, transfers
from ..report import Count


class Accounts(Protocol):
    """What a transfer and an audit need: a space has it, and so has a transaction."""

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: int) -> Any: ...


def others() -> None:
    """What a service does in between: others run meanwhile."""
    time.sleep(0)


def transfer(accounts: Accounts | Transaction, payer: str, payee: str, amount: int) -> None:
    """Read both, then write both."""
    source, target = accounts.get(payer), accounts.get(payee)
    others()
    accounts.set(payer, source.value - amount)
    others()
    accounts.set(payee, target.value + amount)


def audit(accounts: Accounts | Transaction) -> int:
    """All the money."""
    total: int = 0
    for account in ACCOUNTS:
        total += accounts.get(account).value
        others()
    return total


Step = Callable[[Any], Any]
Run = Callable[[Space, Step], Any]


def without_transactions(space: Space, step: Step) -> Any:
    """Read, then write: others write in between."""
    return step(space)


def with_transactions(space: Space, step: Step) -> Any:
    """The same step on a transaction."""
    return space.transact(step).value


def bank_case(host: str, space: Space) -> None:
    """Run the case, first read-then-write, then in transactions."""
    say_case()
    interval = sys.getswitchinterval()
    # As many processors would: a change of threads between any two steps.
    sys.setswitchinterval(1e-5)
    try:
        without = run("without transactions", space, without_transactions)
        within = run("with transactions   ", space, with_transactions)
    finally:
        sys.setswitchinterval(interval)
    say_counts(host, without, within)


def run(title: str, space: Space, do: Run) -> Count:
    """Have all clients make their transfers while the auditor looks."""
    for account in ACCOUNTS:
        space.set(account, BALANCE)
    audits: list[int] = []
    errors: list[BaseException] = []
    together = threading.Barrier(CLIENTS + 1)

    def client(number: int) -> None:
        for payer, payee, amount in transfers(number):
            do(space, lambda accounts: transfer(accounts, payer, payee, amount))  # noqa: B023

    def auditor() -> None:
        for _ in range(AUDITS):
            audits.append(do(space, audit))

    def actor(work: Callable[[], None]) -> threading.Thread:
        def act() -> None:
            together.wait()
            try:
                work()
            except BaseException as error:
                errors.append(error)

        return threading.Thread(target=act, daemon=True)

    start = time.perf_counter()
    threads = [actor(lambda number=number: client(number)) for number in range(CLIENTS)] + [actor(auditor)]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    last = time.monotonic() + 30
    for thread in threads:
        thread.join(max(0.0, last - time.monotonic()))
    seconds = time.perf_counter() - start
    if errors:
        raise errors[0]
    balances = {str(entry.key): entry.value for entry in space.get_many(*ACCOUNTS)}
    return count(title, audits, balances, sum(thread.is_alive() for thread in threads), seconds)
