"""What was found, one JSON object to a line; `bench/README.md` describes them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rounds import Runs, Side

HOST = "python"


def comparisons(case: str, sides: Sequence[Side], costs: Sequence[Sequence[float]]) -> None:
    """What our side, the first, and each of the others cost in each round, in nanoseconds per operation.

    And how often their bodies ran, where both have noted it.
    """
    for peer, theirs in zip(sides[1:], costs[1:], strict=True):
        ours, runs = sides[0].runs, peer.runs
        ran = {"ours_runs": _runs(ours), "theirs_runs": _runs(runs)} if ours and runs else {}
        _print(
            kind="comparison",
            case=case,
            peer=peer.name,
            ours=_tenths(costs[0]),
            theirs=_tenths(theirs),
            **ran,
        )


def point(plot: str, series: str, x: int, costs: Sequence[float]) -> None:
    """A point of a curve: what one operation cost in each round where there were `x` waiters."""
    _print(kind="point", plot=plot, series=series, x=x, costs=_tenths(costs))


def _runs(runs: Runs) -> dict[str, float]:
    return {"each": round(runs.each, 2), "most": runs.worst}


def _print(**finding: object) -> None:
    print(json.dumps({"host": HOST, **finding}), flush=True)


def _tenths(costs: Sequence[float]) -> list[float]:
    return [round(cost, 1) for cost in costs]
