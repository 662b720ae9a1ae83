"""Whether transactions are strictly serialisable: as if each was one step between its call and its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Committed:
    """What one transaction read and wrote. No two write the same value; who writes a cell has read it."""

    began: int
    ended: int
    reads: Mapping[str, int]
    writes: Mapping[str, int] = field(default_factory=dict)


def fault(history: Sequence[Committed], start: Mapping[str, int]) -> str | None:
    """What cannot be, if there is such a thing: a value from nowhere, a lost update, or a circle."""
    writers: dict[tuple[str, int], int] = {}
    for number, transaction in enumerate(history):
        for key, value in transaction.writes.items():
            if (key, value) in writers or start.get(key) == value:
                raise ValueError(f"written twice: {key} {value}")
            if key not in transaction.reads:
                raise ValueError(f"written without a read: {key} {value}")
            writers[key, value] = number
    overwriters: dict[tuple[str, int], int] = {}
    for number, transaction in enumerate(history):
        for key in transaction.writes:
            before = (key, transaction.reads[key])
            if before in overwriters:
                return f"lost update of {key}"
            overwriters[before] = number
    after: dict[int, set[int]] = defaultdict(set)
    for number, transaction in enumerate(history):
        for key, value in transaction.reads.items():
            writer, overwriter = writers.get((key, value)), overwriters.get((key, value))
            if writer == number or (writer is None and start.get(key) != value):
                return f"a value from nowhere in {key}"
            if writer is not None:
                after[writer].add(number)
            if overwriter is not None and overwriter != number:
                after[number].add(overwriter)
    for first, earlier in enumerate(history):
        for second, later in enumerate(history):
            if earlier.ended < later.began:
                after[first].add(second)
    return "a circle" if _has_circle(len(history), after) else None


def _has_circle(count: int, after: Mapping[int, set[int]]) -> bool:
    """Whether one comes before itself: what is left when, again and again, whoever nobody precedes is taken out."""
    before = [0] * count
    for followers in after.values():
        for follower in followers:
            before[follower] += 1
    free = [number for number in range(count) if before[number] == 0]
    taken = 0
    while free:
        taken += 1
        for follower in after.get(free.pop(), ()):
            before[follower] -= 1
            if before[follower] == 0:
                free.append(follower)
    return taken < count
