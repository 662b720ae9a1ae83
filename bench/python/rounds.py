"""Rounds: every side in turn, again and again, so that what disturbs the machine disturbs all sides."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


class Section:
    """The part of a job that counts.

    It is the processor's time of this thread: what other programs do meanwhile is not in it.
    """

    def __init__(self) -> None:
        self.nanoseconds = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        start = time.thread_time_ns()
        yield
        self.nanoseconds += time.thread_time_ns() - start


@dataclass
class Runs:
    """How often bodies ran for so many changes, and the worst of them."""

    changes: int = 0
    bodies: int = 0
    worst: int = 0

    def note(self, attempts: int) -> None:
        """One change."""
        self.changes += 1
        self.bodies += attempts
        self.worst = max(self.worst, attempts)

    @property
    def each(self) -> float:
        """For each change."""
        return self.bodies / max(self.changes, 1)


@dataclass
class Side:
    """One way of doing a case's job: as often as it is told, inside ``with section.counted()``.

    Where its bodies may run several times for each change, it notes that.
    """

    name: str
    run: Callable[[Section, int], Awaitable[None]]
    runs: Runs | None = None


async def interleave(sides: Sequence[Side], operations: int, rounds: int) -> list[list[float]]:
    """What each side cost in each round: ``costs[side][round]``, in nanoseconds per operation.

    The first round warms up and is left out. Each round begins with another side.
    """
    costs: list[list[float]] = [[] for _ in sides]
    for number in range(rounds + 1):
        for turn in range(len(sides)):
            place = (number + turn) % len(sides)
            section = Section()
            await sides[place].run(section, operations)
            if number > 0:
                costs[place].append(section.nanoseconds / operations)
    return costs
