"""The owner of the block that runs, found by the context: for spaces opened with `ambient_owner`."""

from __future__ import annotations

import threading
from contextvars import ContextVar

from ._native import AioOwner, Owner

__all__ = ["variable"]

_Variable = ContextVar[Owner | AioOwner | None]

_named: dict[str, _Variable] = {}
_lock = threading.Lock()


def variable(url: str | None) -> _Variable:
    """The context variable of a space: one for each name, so that all handles on it find the same owner."""
    if url is None:
        return ContextVar("latchwork owner", default=None)
    with _lock:
        return _named.setdefault(url, ContextVar(f"latchwork owner of {url}", default=None))
