"""Times the cases in Python: ``python bench/python/bench.py [--quick]``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

import cells
import contended
import finding
import latchwork.aio
import transactions
import uncontended
from rounds import Side, interleave

CONTENDERS = 100
MANY = 20_000

CELL_CASES = {"get": "cell: get", "write": "cell: set", "compare_exchange": "cell: get + compare_exchange"}


async def main(quick: bool) -> None:
    rounds, slow, slowest = (9, 5, 1) if quick else (61, 21, 5)
    async with await latchwork.aio.open() as space:
        await compare("async with, one key", uncontended.keyed(space), 2_000, rounds)
        async with await latchwork.aio.open(ambient_owner=True) as ambient:
            await measure("async with, ambient owner", uncontended.ambient(ambient, space), 2_000, rounds)
        for job in (cells.get, cells.write, cells.compare_exchange):
            await measure(CELL_CASES[job.__name__], await job(space), 500, rounds)
        await measure("cell: update", await transactions.alone(space), 500, rounds)
        await measure("transaction of two cells", await transactions.two_cells(space), 500, rounds)
        for tasks in 1, 10, 100:
            await measure(
                f"cell: update, {tasks} contenders", await transactions.contended(space, tasks), 1_000, slow
            )
        await measure("cell: set, watched and read", await cells.watched(space), 2_000, slow)
        await measure("scan of 10,000 cells, each", await cells.scan(space), cells.SCANNED, slow)
        await compare("100 contenders", contended.contenders(space, CONTENDERS), 10_000, slow)

        for waiters in [10, 1_000] if quick else [10, 100, 1_000, 10_000]:
            await draw("lock in turn", contended.queue(space, waiters), waiters, slow)
            await draw("cancel, newest first", contended.cancel(space, waiters), waiters, slowest)

        # The peer takes seconds for each round, and loses by so much that a few are enough.
        await compare("cancel 20,000 waiters", contended.cancel(space, MANY), MANY, slowest)


async def measure(case: str, sides: Sequence[Side], operations: int, rounds: int) -> None:
    """Compare our side, the first, with each of the others."""
    print(f"{case}: {', '.join(side.name for side in sides)}", flush=True)
    finding.comparisons(case, sides, await interleave(sides, operations, rounds))


async def compare(case: str, sides: Sequence[Side], operations: int, rounds: int) -> None:
    """Compare our side, the first, with each of the others, and the control, the last, with each of those.

    It does only what no lock can do without: what it costs beside a peer is the least that any lock could.
    """
    print(f"{case}: {', '.join(side.name for side in sides)}", flush=True)
    costs = await interleave(sides, operations, rounds)
    finding.comparisons(case, sides, costs)
    *peers, control = sides[1:]
    finding.comparisons(f"{case}: {control.name}", [control, *peers], [costs[-1], *costs[1:-1]])


async def draw(job: str, sides: Sequence[Side], waiters: int, rounds: int) -> None:
    """Tell each side's point of a curve."""
    print(f"{job}, {waiters} waiters for one key", flush=True)
    operations = max(waiters, 2_000)
    for side, costs in zip(sides, await interleave(sides, operations, rounds), strict=True):
        finding.point("waiters", f"{job}, {side.name}", waiters, costs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, for a first look")
    asyncio.run(main(parser.parse_args().quick))
