"""The public surface as it is found by looking: what is there must be in the table."""

from __future__ import annotations

from types import ModuleType

from latchwork import testing

from .table import Operation

RECEIVERS = {
    "Space": ("closed space", "no space"),
    "Guard": ("released guard", "guard of a closed space", "no guard"),
    "Owner": ("closed owner", "owner of a closed space", "no owner"),
}
"""The objects that one can have and not use, for the operations of each class."""

NOT_CALLED = {"__doc__", "__module__", "__weakref__", "__slots__", "__dict__"}


def members(module: ModuleType) -> set[str]:
    """Everything of one API that can be called: ``Space.lock``, ``Guard.__enter__``, ``latchwork.open``."""
    found = {f"latchwork.{name}" for name in module.__all__} | {f"testing.{name}" for name in testing.__all__}
    for cls in (
        module.Space,
        module.Guard,
        module.Mutex,
        module.Owner,
        module.Atomic,
        module.Watch,
        module.Transaction,
        testing.ManualClock,
    ):
        for name, value in vars(cls).items():
            private = name.startswith("_") and not name.startswith("__")
            # A property that can only be read takes nothing.
            if not private and name not in NOT_CALLED and callable(value):
                found.add(f"{cls.__name__}.{name}")
    return found


def missing(found: set[str], operations: list[Operation], exempt: set[str]) -> set[str]:
    """What is there and not in the table."""
    return found - listed(operations) - exempt


def stale(found: set[str], operations: list[Operation]) -> set[str]:
    """What is in the table and not there."""
    return listed(operations) - found


def silent(operations: list[Operation]) -> list[str]:
    """Operations that say nothing of some receiver."""
    return [
        f"{operation.name}: {receiver}"
        for operation in operations
        for cls, receivers in RECEIVERS.items()
        if any(member.startswith(f"{cls}.") for member in operation.members)
        for receiver in receivers
        if receiver not in operation.receivers
    ]


def listed(operations: list[Operation]) -> set[str]:
    """The members that the table has."""
    return {member for operation in operations for member in operation.members}
