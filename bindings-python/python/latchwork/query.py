"""What `query` answers: what is held and what waits, at one instant."""

from __future__ import annotations

from dataclasses import dataclass

from .keys import Key

__all__ = ["Blocker", "Hold", "Query", "Wait"]


@dataclass(frozen=True)
class Blocker:
    """A request or a holder that stands in the way of another on one key."""

    key: Key
    """The key on which it stands in the way."""

    label: str | None
    """The label that it gave itself."""

    token: int | None
    """Its fencing token when it holds the key; `None` when it waits itself and came first."""


@dataclass(frozen=True)
class Hold:
    """A lock that is held."""

    keys: tuple[Key, ...]
    """The keys held exclusively, in key order."""

    shared: tuple[Key, ...]
    """The keys held in shared mode, in key order."""

    token: int
    """The fencing token."""

    label: str | None
    """The label that the request gave itself."""

    age: float | None
    """How many seconds others have waited for it; `None` while nobody does."""

    claimed: bool
    """Whether the caller has seen the grant. One that stays unclaimed belongs to a task that does not run."""


@dataclass(frozen=True)
class Wait:
    """A request that waits."""

    keys: tuple[Key, ...]
    """The keys asked for exclusively, in key order."""

    shared: tuple[Key, ...]
    """The keys asked for in shared mode, in key order."""

    label: str | None
    """The label that the request gave itself."""

    age: float | None
    """How many seconds it has waited."""

    position: int
    """Its place in the longest of its queues: 1 is the next in line. Counted up to 1,000, which is that or more."""

    blocked_by: tuple[Blocker, ...]
    """Who stands in its way, at most sixteen for each key."""


@dataclass(frozen=True)
class Query:
    """What is held and what waits, at one instant."""

    held: list[Hold]
    """The locks that are held, in key order of their first keys."""

    pending: list[Wait]
    """The requests that wait. Those that share a key are in the order in which they will be granted."""
