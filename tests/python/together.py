"""Actors that run at once, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from loop_thread import LIMIT

T = TypeVar("T")


def together(*actors: Callable[[], T]) -> list[T]:
    """Run each in a thread; the first error of any is raised here."""
    with ThreadPoolExecutor(len(actors)) as pool:
        return [future.result(2 * LIMIT) for future in [pool.submit(actor) for actor in actors]]
