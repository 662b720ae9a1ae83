"""Every public operation, every parameter, every wrong value: from the one table that all hosts share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bad_input import surface
from bad_input.matrix import run
from bad_input.stage import APIS, Stage
from bad_input.table import Operation, Table

TABLE = Table()
OPERATIONS = TABLE.operations()


@pytest.mark.parametrize("api", APIS)
def test_every_operation(api: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each refuses what it must, names it, and changes nothing."""
    failures: list[str] = []
    count = 0
    for operation in OPERATIONS:
        ran, failed = asyncio.run(run(Stage(api), operation))
        count += ran
        failures += failed
    assert not failures, f"{len(failures)} of {count} cases:\n" + "\n".join(failures)
    assert count == sum(len(each.cases) + len(each.receivers) * len(each.calls) for each in OPERATIONS)
    with capsys.disabled():
        line = f"bad-input host=python-{api} operations={len(OPERATIONS)} cases={count}"
        print(f"\n{line} unspelled-values={TABLE.unspelled()}")


@pytest.mark.parametrize("api", APIS)
def test_every_operation_is_in_the_table(api: str) -> None:
    """What is public is in the table, and what is in the table is there."""
    found = surface.members(APIS[api])
    assert len(found) > 25
    assert surface.missing(found, OPERATIONS, TABLE.exempt()) == set()
    assert surface.stale(found, OPERATIONS) == set()
    assert surface.silent(OPERATIONS) == []


def test_control_an_operation_that_is_not_in_the_table() -> None:
    """It is found."""
    found = surface.members(APIS["aio"]) | {"Space.peek"}
    assert surface.missing(found, OPERATIONS, TABLE.exempt()) == {"Space.peek"}
    without = [operation for operation in OPERATIONS if operation.name != "lock"]
    assert surface.missing(found, without, TABLE.exempt()) == {"Space.peek", "Space.lock"}


def test_control_a_space_that_takes_anything_for_a_key() -> None:
    """It fails at every wrong value of the key."""

    class Lenient:
        def __init__(self, space: Any) -> None:
            self.space = space

        def __getattr__(self, name: str) -> Any:
            return getattr(self.space, name)

        def lock(self, *keys: object, **options: Any) -> Any:
            return self.space.lock(*(type(key).__name__ for key in keys), **options)

    class LenientStage(Stage):
        async def open(self) -> None:
            await super().open()
            self.words["space"] = Lenient(self.space)

    lock = next(operation for operation in OPERATIONS if operation.name == "lock")
    cases = [case for case in lock.cases if case.call == "space.lock(key)"]
    wrong = [case for case in cases if case.code == "invalid"]
    assert len(wrong) > 20
    count, failures = asyncio.run(
        run(LenientStage("blocking"), Operation(lock.name, lock.members, {}, lock.calls, cases))
    )
    assert (count, len(failures)) == (len(cases), len(wrong))
