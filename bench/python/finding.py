"""What was found, one JSON object to a line; `bench/README.md` describes them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rounds import Side

HOST = "python"


def comparisons(case: str, sides: Sequence[Side], costs: Sequence[Sequence[float]]) -> None:
    """What our side, the first, and each of the others cost in each round, in nanoseconds per operation."""
    for peer, theirs in zip(sides[1:], costs[1:], strict=True):
        _print(kind="comparison", case=case, peer=peer.name, ours=_tenths(costs[0]), theirs=_tenths(theirs))


def point(plot: str, series: str, x: int, costs: Sequence[float]) -> None:
    """A point of a curve: what one operation cost in each round where there were `x` waiters."""
    _print(kind="point", plot=plot, series=series, x=x, costs=_tenths(costs))


def _print(**finding: object) -> None:
    print(json.dumps({"host": HOST, **finding}), flush=True)


def _tenths(costs: Sequence[float]) -> list[float]:
    return [round(cost, 1) for cost in costs]
