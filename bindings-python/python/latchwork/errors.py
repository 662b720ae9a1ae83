"""The exceptions: one class for each code, the same codes in every language.

Catch `LatchworkError` for all of them, or one class. Each is also what Python users expect: a time-out is a
`TimeoutError`, a bad argument a `ValueError` or a `TypeError`, a release of what is not held a `RuntimeError`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .keys import Key
from .query import Blocker, CycleStep, Stale
from .turn import Turn

__all__ = [
    "Aborted",
    "Busy",
    "Cancelled",
    "Closed",
    "Conflict",
    "Deadlock",
    "Fenced",
    "Invalid",
    "InvalidType",
    "InvalidValue",
    "LatchworkError",
    "LockTimeout",
    "NotHeld",
    "Unavailable",
    "UnknownOutcome",
]


class LatchworkError(Exception):
    """The base of every exception of this package."""

    code: ClassVar[str] = ""
    """The stable code, the same in every language. The message is for people and may change."""


class LockTimeout(LatchworkError, TimeoutError):
    """A wait passed its deadline."""

    code = "timeout"

    keys: tuple[Key | Turn, ...]
    """The keys that were asked for."""

    waited: float | None
    """How long the request waited, in seconds."""

    position: int | None
    """Its place in the longest of its queues: 1 is the next in line. Counted up to 1,000, which is that or more."""

    blocked_by: tuple[Blocker, ...]
    """Who stood in the way, at most sixteen for each key."""

    label: str | None
    """The label that the request itself gave."""

    def __init__(
        self,
        message: str = "timed out waiting for a lock",
        *,
        keys: tuple[Key | Turn, ...] = (),
        waited: float | None = None,
        position: int | None = None,
        blocked_by: tuple[Blocker, ...] = (),
        label: str | None = None,
    ) -> None:
        super().__init__(message)
        self.keys = keys
        self.waited = waited
        self.position = position
        self.blocked_by = blocked_by
        self.label = label


class Cancelled(LatchworkError):
    """The owner was closed while it waited. A cancelled task gets asyncio's own `CancelledError` instead."""

    code = "cancelled"


class Deadlock(LatchworkError):
    """An own key was asked for again, or the request would close a cycle of waits."""

    code = "deadlock"

    cycle: tuple[CycleStep, ...]
    """The circle of waits that the request would have closed. The first step is the
    request itself; each waits for a key that the next one's owner has, and the last for one that the first one's owner
    has."""

    def __init__(
        self, message: str = "the request would wait for its own owner", *, cycle: tuple[CycleStep, ...] = ()
    ) -> None:
        super().__init__(message)
        self.cycle = cycle


class Fenced(LatchworkError):
    """The guard named in a commit is no longer held. Nothing was written."""

    code = "fenced"

    token: int | None
    """The fencing token of the guard."""

    def __init__(self, message: str = "the guard is no longer held", *, token: int | None = None) -> None:
        super().__init__(message)
        self.token = token


class NotHeld(LatchworkError, RuntimeError):
    """What was to be released is not held."""

    code = "not_held"

    keys: tuple[Key, ...]
    """The keys that are not held, where they are known."""

    def __init__(self, message: str = "the lock is not held", *, keys: tuple[Key, ...] = ()) -> None:
        super().__init__(message)
        self.keys = keys


class Conflict(LatchworkError):
    """The caller's limit of attempts is used up, or the limit of losses in a turn.

    Operations of a transaction raise it in a body whose run is over, since something that it read has changed, or since
    it called `retry`: the body is run again, whatever it does with the exception.
    """

    code = "conflict"

    attempts: int | None
    """How often the body ran; `None` in a body that will be run again."""

    conflicts: tuple[Stale, ...]
    """The cells that stood in the way of the last run, where they are known."""

    def __init__(
        self,
        message: str = "others were faster each time",
        *,
        attempts: int | None = None,
        conflicts: tuple[Stale, ...] = (),
    ) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.conflicts = conflicts


class Aborted(LatchworkError):
    """The transaction was aborted by its body."""

    code = "aborted"

    reason: Any
    """What the body gave to `abort`, the very object."""

    def __init__(self, message: str = "the transaction was aborted", *, reason: object = None) -> None:
        super().__init__(message)
        self.reason = reason


class Busy(LatchworkError):
    """A queue limit that the caller set is reached."""

    code = "busy"

    limit: int | None
    """The limit that is reached."""

    def __init__(self, message: str = "too many requests wait", *, limit: int | None = None) -> None:
        super().__init__(message)
        self.limit = limit


class Closed(LatchworkError):
    """The space is closed."""

    code = "closed"


class Invalid(LatchworkError):
    """An argument cannot be what it must be.

    Raised before anything is queued or changed, as `InvalidValue` or `InvalidType`.
    """

    code = "invalid"

    what: str | None
    """The argument, or the part of it, that was refused: ``"timeout"``, ``"shared[0]"``.

    An only key is ``"key"``, one of several ``"keys[2]"``, and a part of a tuple ``"key[1]"`` or ``"keys[2][1]"``.
    """

    why: str | None
    """What is wrong with it."""

    def __init__(self, message: str = "invalid", *, what: str | None = None, why: str | None = None) -> None:
        super().__init__(message)
        self.what = what
        self.why = why


class InvalidValue(Invalid, ValueError):
    """An argument has the right type and a value that it cannot have."""


class InvalidType(Invalid, TypeError):
    """An argument has a type that it cannot have."""


class Unavailable(LatchworkError):
    """The engine cannot be reached."""

    code = "unavailable"


class UnknownOutcome(LatchworkError):
    """The engine cannot tell whether the operation took effect."""

    code = "unknown_outcome"
