"""Accounts of people who buy from each other: what both services have in common."""

from __future__ import annotations

from collections.abc import Iterable

from .documents import Document
from .report import Count, say, say_outcome

PAIRS = [(f"anna-{number}", f"ben-{number}") for number in range(10)]
PURCHASES_EACH = 10
PURCHASES = len(PAIRS) * 2 * PURCHASES_EACH

PRICE = 5
BALANCE = 1000


def new_account() -> Document:
    """An account before its first purchase."""
    return {"balance": BALANCE, "entries": []}


def pay(payer: Document, payee: Document) -> None:
    """Move the price from one account to the other."""
    for account, amount in (payer, -PRICE), (payee, PRICE):
        account["balance"] += amount
        account["entries"].append(amount)


def check(accounts: Iterable[Document]) -> int:
    """How many purchases are in the books. No money may have been made or lost."""
    accounts = list(accounts)
    balance = sum(account["balance"] for account in accounts)
    if balance != BALANCE * len(accounts):
        raise AssertionError(f"money was made or lost balance={balance}")
    return sum(len(account["entries"]) for account in accounts) // 2


def say_case() -> None:
    """Say what is done."""
    say(f"{len(PAIRS)} pairs buy from each other, {PURCHASES_EACH} purchases each, two accounts for each")


def say_counts(host: str, without: Count, locked: Count) -> None:
    """Say what came of it."""
    say(f"  without Latchwork: {without.stuck} pairs stuck, each of the two with one account")
    say(f"  with Latchwork   : {locked.stuck} pairs stuck, {PURCHASES - (locked.lost or 0)} purchases done")
    say_outcome(host, "buyer-seller", PURCHASES, without, locked)
