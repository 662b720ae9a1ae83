"""Whether what was done to one cell is linearisable: each call took effect at one instant before its answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """What one call did."""

    began: int
    ended: int
    seen: int
    """What the cell held at its instant."""
    written: int | None = None
    """What it holds from then on; `None`: it was only read. No two operations write the same."""


def is_linearisable(operations: Sequence[Operation], start: int) -> bool:
    """Whether there is an order in which all of them could have taken effect, one after the other.

    A search through all orders (Wing and Gong's), which remembers from where it has failed before.
    """
    failed: set[tuple[frozenset[int], int]] = set()
    stack = [(frozenset(range(len(operations))), start)]
    while stack:
        left, held = stack.pop()
        left = _without_reads(operations, left, held)
        if not left:
            return True
        if (left, held) in failed:
            continue
        failed.add((left, held))
        for number in _first(operations, left):
            operation = operations[number]
            if operation.written is not None and operation.seen == held:
                stack.append((left - {number}, operation.written))
    return False


def _first(operations: Sequence[Operation], left: Iterable[int]) -> list[int]:
    """Those that can come first: they began before any of the others had ended."""
    last = min(operations[number].ended for number in left)
    return [number for number in left if operations[number].began <= last]


def _without_reads(operations: Sequence[Operation], left: frozenset[int], held: int) -> frozenset[int]:
    """Take out the reads that can come now. They change nothing, so that to take them at once is never wrong."""
    while left:
        reads = {
            number
            for number in _first(operations, left)
            if operations[number].written is None and operations[number].seen == held
        }
        if not reads:
            break
        left -= reads
    return left
