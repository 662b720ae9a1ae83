"""Keyed locks over several keys at once, and versioned cells: the blocking API.

A *space* holds lock queues and cells. A request names all its keys, joins all their queues in one step and holds
nothing while it waits, so single requests never deadlock. The queues are first come, first served. `latchwork.aio` is
the same for asyncio; threads and event loops share a space by its name.

>>> import latchwork
>>> space = latchwork.open()
>>> with space.lock("account-1", ("user", 7)) as guard:
...     guard.keys
('account-1', ('user', 7))
>>> guard.held
False

A *cell* holds a value and its version.

>>> seen = space.get("title")
>>> space.compare_exchange(seen, "Cells").ok, space.compare_exchange(seen, "Locks").ok
(True, False)

`update` changes one by a function of what it holds, `transact` several as if nobody else did anything meanwhile.

>>> space.update("title", lambda title, entry: title.upper()).value
'CELLS'
"""

from __future__ import annotations

import os as _os

from ._native import (
    Atomic,
    CellConflict,
    Committed,
    Conflicted,
    Deleted,
    Entry,
    Guard,
    HandedOver,
    Inserted,
    Lost,
    Owner,
    Refused,
    Transaction,
    Updated,
    Watch,
    Written,
    __version__,
)
from ._native import _after_fork as _after_fork
from .answer import DELETE, KEEP, Delete, Keep
from .codec import Codec, CodecOption
from .errors import (
    Aborted,
    Busy,
    Cancelled,
    Closed,
    Conflict,
    Deadlock,
    Fenced,
    Invalid,
    InvalidType,
    InvalidValue,
    LatchworkError,
    LockTimeout,
    NotHeld,
    Unavailable,
    UnknownOutcome,
)
from .keys import Key
from .mutex import Mutex
from .query import Blocker, CycleStep, HandOver, Hold, OwnerName, Query, Stale, Wait
from .space import Space, open
from .turn import Turn

__all__ = [
    "DELETE",
    "KEEP",
    "Aborted",
    "Atomic",
    "Blocker",
    "Busy",
    "Cancelled",
    "CellConflict",
    "Closed",
    "Codec",
    "CodecOption",
    "Committed",
    "Conflict",
    "Conflicted",
    "CycleStep",
    "Deadlock",
    "Delete",
    "Deleted",
    "Entry",
    "Fenced",
    "Guard",
    "HandOver",
    "HandedOver",
    "Hold",
    "Inserted",
    "Invalid",
    "InvalidType",
    "InvalidValue",
    "Keep",
    "Key",
    "LatchworkError",
    "LockTimeout",
    "Lost",
    "Mutex",
    "NotHeld",
    "Owner",
    "OwnerName",
    "Query",
    "Refused",
    "Space",
    "Stale",
    "Transaction",
    "Turn",
    "Unavailable",
    "UnknownOutcome",
    "Updated",
    "Wait",
    "Watch",
    "Written",
    "__version__",
    "open",
]

if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(after_in_child=_after_fork)
