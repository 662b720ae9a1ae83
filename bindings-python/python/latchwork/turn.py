"""The turn of an update or a transaction, as queries and errors name it."""

from __future__ import annotations

from dataclasses import dataclass

from .keys import Key

__all__ = ["Turn"]


@dataclass(frozen=True, repr=False)
class Turn:
    """What an `update` or a `transact` holds that lost several times: the turn of a cell, or that of the whole space.

    It stands in the place of a key in what `query` answers and in time-outs and deadlocks. `query` and `revoke` take
    it: to revoke a turn ends the call that has it with `Fenced`. No other call takes one. The turn of the space is
    shared by all who have that of a cell: to revoke it ends them all.

    >>> Turn("doc"), Turn()
    (Turn('doc'), Turn())
    """

    cell: Key | None = None
    """The key of the cell; `None`: it is that of the whole space."""

    def __repr__(self) -> str:
        return "Turn()" if self.cell is None else f"Turn({self.cell!r})"
