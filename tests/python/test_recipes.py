"""The Python of the recipes runs, and each wins its race, which a naive form of it loses."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import latchwork.aio
import pytest
from latchwork.testing import ManualClock

from recipe_races import RACES, Functions, Make, Race, World

TEXT = (Path(__file__).parents[2] / "core/src/docs/recipes.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^## ([^\n]+)$(?:(?!^## ).)*?^```python\n(.*?)^```$", TEXT, re.S | re.M))
[STATEMENT] = re.findall("```sql\n(.*?)```", TEXT, re.S)


def in_world(race: Race, make: Make) -> None:
    """Run a race in a space of its own, which holds nothing and has nobody waiting at the end."""

    async def main() -> None:
        clock = ManualClock()
        async with await latchwork.aio.open(clock=clock) as space:
            await race(lambda **outside: make(space=space, **outside), World(space, clock, STATEMENT))
            assert await space.query() == latchwork.Query([], [])

    asyncio.run(main())


def test_each_has_its_race() -> None:
    """No recipe goes untried."""
    assert list(RECIPES) == list(RACES)


@pytest.mark.parametrize("title", RACES)
def test_recipe(title: str) -> None:
    """It wins."""

    def make(**names: Any) -> Functions:
        code = compile(RECIPES[title], title, "exec", flags=0)
        exec(code, names)
        return names

    in_world(RACES[title][0], make)


@pytest.mark.parametrize("title", RACES)
def test_control(title: str) -> None:
    """The naive form loses."""
    race, naive = RACES[title]
    with pytest.raises(AssertionError):
        in_world(race, naive)
