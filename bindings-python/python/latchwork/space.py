"""The blocking API: spaces for threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from . import _native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal

    from ._native import Guard, ManualClock
    from .keys import Key

__all__ = ["Space", "open"]

T = TypeVar("T")


def open(url: str | None = None, *, clock: ManualClock | None = None) -> Space:
    """Open a space for threads.

    Without a URL the space is private to this handle. ``"memory:orders"`` names one space of this process: every
    call with that URL gives another handle on it, in every thread and event loop and for both APIs. A named space
    ends with its last handle.

    Close the handle when it is no longer needed; the preferred way is the ``with`` statement:

    >>> with open("memory:orders") as space:
    ...     space.epoch > 0
    True

    After `os.fork` the child starts clean: handles open their spaces anew there, with nothing held, and guards of the
    parent are not held in the child.

    `clock` is a `latchwork.testing.ManualClock`, for tests.

    Raises `Invalid` if the URL has an unknown scheme or an empty name.
    """
    return Space(url, clock=clock)


class Space(_native.Space):
    """One handle on a space, for threads that may block. `open` makes it.

    It may be used by any number of threads. ``with`` closes it at the end of the block:

        with latchwork.open() as space:
            ...
    """

    __slots__ = ()

    def with_lock(
        self,
        *keys: Key,
        fn: Callable[[Guard], T],
        mode: Literal["exclusive", "shared"] = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
    ) -> T:
        """Call ``fn(guard)`` while all keys are held, and return what it returns.

        The keys are released however `fn` ends; its exception passes through unchanged. It is equal to:

            with space.lock(*keys, mode=mode, shared=shared, timeout=timeout, label=label) as guard:
                return fn(guard)

        >>> open().with_lock("a", "b", fn=lambda guard: len(guard.keys))
        2

        Raises what `lock` raises.
        """
        with self.lock(*keys, mode=mode, shared=shared, timeout=timeout, label=label) as guard:
            return fn(guard)
