"""The case `bank`: transfers between accounts, and audits that add all of them up, at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from latchwork.aio import Space, Transaction

from ..bank import ACCOUNTS, AUDITS, BALANCE, CLIENTS, count, say_case, say_counts, transfers
from ..report import Count


class Accounts(Protocol):
    """What a transfer and an audit need: a space has it, and so has a transaction."""

    async def get(self, key: str) -> Any: ...

    async def set(self, key: str, value: int) -> Any: ...


async def transfer(accounts: Accounts | Transaction, payer: str, payee: str, amount: int) -> None:
    """Read both, then write both; in between the service does something else."""
    source, target = await accounts.get(payer), await accounts.get(payee)
    await asyncio.sleep(0)
    await accounts.set(payer, source.value - amount)
    await asyncio.sleep(0)
    await accounts.set(payee, target.value + amount)


async def audit(accounts: Accounts | Transaction) -> int:
    """All the money."""
    total: int = 0
    for account in ACCOUNTS:
        total += (await accounts.get(account)).value
        await asyncio.sleep(0)
    return total


Step = Callable[[Any], Awaitable[Any]]
Run = Callable[[Space, Step], Awaitable[Any]]


async def without_transactions(space: Space, step: Step) -> Any:
    """Read, then write: others write in between."""
    return await step(space)


async def with_transactions(space: Space, step: Step) -> Any:
    """The same step on a transaction."""
    return (await space.transact(step)).value


async def bank_case(host: str, space: Space) -> None:
    """Run the case, first read-then-write, then in transactions."""
    say_case()
    without = await run("without transactions", space, without_transactions)
    within = await run("with transactions   ", space, with_transactions)
    say_counts(host, without, within)


async def run(title: str, space: Space, do: Run) -> Count:
    """Have all clients make their transfers while the auditor looks."""
    for account in ACCOUNTS:
        await space.set(account, BALANCE)
    audits: list[int] = []

    async def client(number: int) -> None:
        for payer, payee, amount in transfers(number):
            await do(space, lambda accounts: transfer(accounts, payer, payee, amount))  # noqa: B023

    async def auditor() -> None:
        for _ in range(AUDITS):
            audits.append(await do(space, audit))
            await asyncio.sleep(0)

    start = time.perf_counter()
    tasks = [asyncio.ensure_future(client(number)) for number in range(CLIENTS)]
    ended, stuck = await asyncio.wait([*tasks, asyncio.ensure_future(auditor())], timeout=30)
    seconds = time.perf_counter() - start
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    for task in ended:
        task.result()
    balances = {str(entry.key): entry.value for entry in await space.get_many(*ACCOUNTS)}
    return count(title, audits, balances, len(stuck), seconds)
