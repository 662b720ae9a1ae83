"""What comes of calls, in whichever thread, is told to the runner, which waits for it in its own loop."""

from __future__ import annotations

import asyncio
import contextlib
import time


class Changes:
    """Whether something has come of any call since the runner last began to look."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.told = asyncio.Event()

    def tell(self) -> None:
        """A body runs or has ended, or a call has. Called in any thread, after that can be seen."""
        # A call that outlives its run has nobody to tell.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.told.set)

    def look(self) -> None:
        """Begin to look: what comes from now on ends the wait for more."""
        self.told.clear()

    async def more(self, last: float) -> bool:
        """Wait until something has come since the look began; false if nothing has at `last` of the monotonic clock."""
        try:
            await asyncio.wait_for(self.told.wait(), last - time.monotonic())
        except (asyncio.TimeoutError, TimeoutError):
            return False
        return True
