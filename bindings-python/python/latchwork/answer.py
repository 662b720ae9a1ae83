"""What the function of an update can answer besides a value."""

from __future__ import annotations

import enum
from typing import Final, Literal, TypeAlias

__all__ = ["DELETE", "KEEP", "Delete", "Keep"]


class Answer(enum.Enum):
    """An answer that is no value."""

    KEEP = "keep"
    DELETE = "delete"

    def __repr__(self) -> str:
        return f"latchwork.{self.name}"

    __str__ = __repr__


KEEP: Final = Answer.KEEP
"""The cell stays as it is: nothing is written, its version stays. As `expire_in`: the cell keeps what it had."""

DELETE: Final = Answer.DELETE
"""The cell is deleted."""

Keep: TypeAlias = Literal[Answer.KEEP]
"""The type of `KEEP`."""

Delete: TypeAlias = Literal[Answer.DELETE]
"""The type of `DELETE`."""
