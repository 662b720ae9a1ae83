"""The blocking API: spaces for threads."""

from __future__ import annotations

from ._native import ManualClock, Space

__all__ = ["Space", "open"]


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
