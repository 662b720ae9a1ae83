"""A bank whose accounts are in one place: what both services have in common."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .report import Count, say, say_outcome

ACCOUNTS = [f"account-{number}" for number in range(10)]
BALANCE = 1000
CLIENTS = 20
TRANSFERS_EACH = 10
TRANSFERS = CLIENTS * TRANSFERS_EACH
AUDITS = 50
MOST = 50

Transfer = tuple[str, str, int]
"""Who pays, who is paid, and how much."""


def transfers(client: int) -> list[Transfer]:
    """What a client asks for: the same in each run."""
    chance = random.Random(client)
    return [(*chance.sample(ACCOUNTS, 2), chance.randint(1, MOST)) for _ in range(TRANSFERS_EACH)]  # type: ignore[misc]


def expected() -> dict[str, int]:
    """The balances after all transfers, in whichever order."""
    balances = dict.fromkeys(ACCOUNTS, BALANCE)
    for client in range(CLIENTS):
        for payer, payee, amount in transfers(client):
            balances[payer] -= amount
            balances[payee] += amount
    return balances


def wrong(audits: Sequence[int], balances: dict[str, int]) -> int:
    """How many audits did not see all the money, and how many accounts are wrong at the end."""
    right = expected()
    return sum(audit != BALANCE * len(ACCOUNTS) for audit in audits) + sum(
        balances[account] != right[account] for account in ACCOUNTS
    )


def say_case() -> None:
    """Say what is done."""
    say(
        f"{CLIENTS} clients make {TRANSFERS} transfers between {len(ACCOUNTS)} accounts, "
        f"while {AUDITS} audits add them up"
    )


def count(title: str, audits: Sequence[int], balances: dict[str, int], stuck: int, seconds: float) -> Count:
    """Say what came of a run."""
    lost = wrong(audits, balances)
    money = sum(balances.values()) - BALANCE * len(ACCOUNTS)
    say(f"  {title}: {money:+} in the accounts at the end, {lost} audits and accounts wrong")
    return Count(lost, stuck, (TRANSFERS + len(audits)) / seconds)


def say_counts(host: str, without: Count, within: Count) -> None:
    """Say it to the task runner."""
    say_outcome(host, "bank", TRANSFERS + AUDITS, without, within)
