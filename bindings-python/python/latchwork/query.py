"""What `query` answers: what is held and what waits, at one instant."""

from __future__ import annotations

from dataclasses import dataclass

from .keys import Key
from .turn import Turn

__all__ = ["Blocker", "CycleStep", "HandOver", "Hold", "OwnerName", "Query", "Stale", "Wait"]


@dataclass(frozen=True)
class OwnerName:
    """Which line of work a request belongs to."""

    id: str
    """What tells it from all others, across threads and processes."""

    label: str | None
    """What its maker calls it."""

    def __str__(self) -> str:
        """The label, or else the id."""
        return self.id if self.label is None else repr(self.label)


@dataclass(frozen=True)
class HandOver:
    """What became of a hand-over. True if it was delivered."""

    delivered: bool
    """Whether the new owner has the lock. To a closed one it is not delivered, and the keys are released."""

    def __bool__(self) -> bool:
        return self.delivered


@dataclass(frozen=True)
class CycleStep:
    """One of the waits that form a circle."""

    owner: OwnerName | None
    """The owner of the request that waits, if it has one."""

    label: str | None
    """The label that the request gave itself."""

    key: Key | Turn
    """The key that it waits for: held by the owner of the next step, or reserved for it."""


@dataclass(frozen=True)
class Stale:
    """A cell that did not have the version that an update or a transaction had seen."""

    key: Key
    """The key of the cell."""

    expected: int
    """The version that was seen; 0: it was absent."""

    version: int
    """The version that it has; 0: it is absent."""


@dataclass(frozen=True)
class Blocker:
    """A request or a holder that stands in the way of another on one key."""

    key: Key | Turn
    """The key on which it stands in the way."""

    label: str | None
    """The label that it gave itself."""

    token: int | None
    """Its fencing token when it holds the key; `None` when it waits itself and came first."""

    owner: OwnerName | None = None
    """The owner of the request, if it has one."""

    def __str__(self) -> str:
        """For a log: who has the key, or comes first."""
        name = repr(self.label) if self.label is not None else f"owner {self.owner}" if self.owner else None
        if self.token is not None:
            return f"{self.key!r} held by {name}" if name else f"{self.key!r} held with token {self.token}"
        return f"{self.key!r} reserved for {name or 'an earlier request'}"


@dataclass(frozen=True)
class Hold:
    """A lock that is held."""

    keys: tuple[Key | Turn, ...]
    """The keys held exclusively, in key order."""

    shared: tuple[Key | Turn, ...]
    """The keys held in shared mode, in key order."""

    token: int
    """The fencing token."""

    label: str | None
    """The label that the request gave itself."""

    age: float | None
    """How many seconds others have waited for it; `None` while nobody does."""

    claimed: bool
    """Whether the caller has seen the grant. One that stays unclaimed belongs to a task that does not run."""

    owner: OwnerName | None = None
    """The owner of the request, if it has one."""

    def __str__(self) -> str:
        """One line for a log."""
        since = "" if self.age is None else f", waited for since {self.age:.3f} s"
        unseen = "" if self.claimed else ", not seen by its caller yet"
        return f"held     {_request(self)}, token {self.token}{since}{unseen}"


@dataclass(frozen=True)
class Wait:
    """A request that waits."""

    keys: tuple[Key | Turn, ...]
    """The keys asked for exclusively, in key order."""

    shared: tuple[Key | Turn, ...]
    """The keys asked for in shared mode, in key order."""

    label: str | None
    """The label that the request gave itself."""

    age: float | None
    """How many seconds it has waited."""

    position: int
    """Its place in the longest of its queues: 1 is the next in line. Counted up to 1,000, which is that or more."""

    blocked_by: tuple[Blocker, ...]
    """Who stands in its way, at most sixteen for each key."""

    owner: OwnerName | None = None
    """The owner of the request, if it has one."""

    def __str__(self) -> str:
        """One line for a log, with who stands in its way."""
        since = "" if self.age is None else f", since {self.age:.3f} s"
        behind = ", behind: " + "; ".join(map(str, self.blocked_by)) if self.blocked_by else ""
        return f"waiting  {_request(self)}, place {self.position}{since}{behind}"


@dataclass(frozen=True)
class Query:
    """What is held and what waits, at one instant."""

    held: list[Hold]
    """The locks that are held, in key order of their first keys."""

    pending: list[Wait]
    """The requests that wait. Those that share a key are in the order in which they will be granted."""

    def __str__(self) -> str:
        """For a log when something hangs: a line for each lock and each wait.

        >>> import latchwork
        >>> space = latchwork.open()
        >>> with space.lock("cart", label="pay", owner=space.owner("checkout")):
        ...     print(space.query())
        held     'cart' for 'pay' of owner 'checkout', token 1
        """
        return "\n".join(map(str, [*self.held, *self.pending])) or "nothing is held, nothing waits"


def _request(it: Hold | Wait) -> str:
    """Which keys, for whom."""
    keys = [repr(key) for key in it.keys] + [f"{key!r} shared" for key in it.shared]
    label = "" if it.label is None else f" for {it.label!r}"
    owner = "" if it.owner is None else f" of owner {it.owner}"
    return (" + ".join(keys) or "no keys") + label + owner
