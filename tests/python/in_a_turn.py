"""An update that stays in its turn for as long as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import latchwork
import latchwork.aio
from latchwork import Entry, Query

NOTHING = Query([], [])


class Turn:
    """An update of `cell` on the asyncio API that lost three times and is in its turn, until it is let go."""

    def __init__(self, space: latchwork.aio.Space, cell: str = "cell", **options: Any) -> None:
        self.space, self.cell = space, cell
        self.runs = 0
        self.inside = asyncio.Event()
        self.go = asyncio.Event()
        self.task = asyncio.create_task(space.update(cell, self.run, label="slow", **options))

    async def run(self, value: Any, entry: Entry) -> str:
        """Lose three times, then stay."""
        self.runs += 1
        if self.runs <= 3:
            await self.space.set(self.cell, self.runs)
            return "lost"
        self.inside.set()
        await self.go.wait()
        return "done"

    async def end(self) -> latchwork._native.Updated:
        """Let it go, to its end."""
        self.go.set()
        return await self.task


def in_a_turn(test: Callable[[latchwork.aio.Space, Turn], Coroutine[Any, Any, None]], **options: Any) -> None:
    """Run a test while an update of `cell` is in its turn; it leaves nothing behind."""

    async def main() -> None:
        async with await latchwork.aio.open(**options) as space:
            turn = Turn(space)
            await turn.inside.wait()
            await test(space, turn)
            assert (await turn.end()).attempts == 4
            assert await space.query() == NOTHING

    asyncio.run(main())
