"""For tests: a clock that stands still until it is told to move.

>>> import latchwork
>>> clock = ManualClock()
>>> space = latchwork.open(clock=clock)
>>> clock.advance(1.5)
>>> clock.now
1.5
"""

from ._native import ManualClock

__all__ = ["ManualClock"]
