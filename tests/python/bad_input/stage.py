"""The space on which wrong calls are made, and how it is looked at before and after them."""

from __future__ import annotations

import asyncio
import datetime
import functools
import inspect
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
from latchwork import testing

LIMIT = 30
"""So many seconds a call may take before it counts as hung."""

APIS: dict[str, ModuleType] = {"blocking": latchwork, "aio": latchwork.aio}


class Stage:
    """A space that is held and waited for, so that whatever a call changes can be seen."""

    def __init__(self, api: str) -> None:
        self.module = APIS[api]
        self.runs = 0
        self.clock = testing.ManualClock()
        self.named_clock = testing.ManualClock()
        # The one who waits is of asyncio for both APIs: a thread would have to be waited for.
        self.url = f"memory:bad input {id(self)}"

    async def open(self) -> None:
        """Take and queue what must stay as it is."""
        self.space = await finish(self.module.open(self.url, clock=self.clock))
        self.queue = await latchwork.aio.open(self.url, clock=self.clock)
        self.held = await self.queue.lock("held", label="holder")
        self.waiting = asyncio.ensure_future(self.queue.lock("held", "behind", label="waiter"))
        await asyncio.sleep(0)
        self.other = await finish(self.space.lock("other"))
        self.named = await finish(self.module.open(f"{self.url} named", clock=self.named_clock))
        self.elsewhere = await finish(self.named.lock("k"))
        self.gone = await finish(self.space.lock("gone"))
        self.gone.release()
        await finish(self.space.set("kept", 1))
        self.entry = await finish(self.space.get("kept"))
        self.owner = self.space.owner("stage")
        self.mine = await finish(self.owner.lock("mine"))
        self.words = {
            "latchwork": self.module,
            "testing": testing,
            "datetime": datetime,
            "asyncio": asyncio,
            "space": self.space,
            "clock": self.clock,
            "other": self.other,
            "guard": self.other,
            "owner": self.owner,
            "stranger": self.named.owner("of another space"),
            "named": f"{self.url} named",
            "elsewhere": self.elsewhere,
            "gone": self.gone,
            "entry": self.entry,
            "first": self.first_later if self.module is latchwork.aio else self.first,
            "holding_one": self.holding_one,
            "deep": deep,
            "over": self.over,
            "finish": finish,
            "print_nothing": dict,
            "KEEP": latchwork.KEEP,
            "DELETE": latchwork.DELETE,
            "holding": self.holding_later if self.module is latchwork.aio else self.holding,
            "noted": self.noted_later if self.module is latchwork.aio else self.noted,
        }

    def noted(self, first: Any, *more: Any) -> int:
        """A function to call with a guard, with what a cell holds, or with a transaction."""
        self.runs += 1
        if isinstance(first, (latchwork.Guard, latchwork.aio.Guard)):
            # A longest hold of no time is over when the function begins, and only that.
            assert first.held == (self.given.get("options", {}).get("max_hold") != 0)
        return 1

    async def noted_later(self, first: Any, *more: Any) -> int:
        """The same for asyncio."""
        return self.noted(first, *more)

    def over(self, space: Any) -> Any:
        """The handle of a transaction that is over."""
        # Without an await it has ended at its first step.
        call = space.transact(lambda tx: tx)
        if not inspect.iscoroutine(call):
            return call.value
        try:
            call.send(None)
        except StopIteration as end:
            return end.value.value
        raise AssertionError("it waits")

    def holding(self, guard: Any, keys: list[Any], act: Any) -> Any:
        """Do something to a guard of these keys, where it is not to be done to another one."""
        if guard is not self.other:
            return act(guard)
        try:
            own = self.space.lock(*keys)
        except latchwork.Invalid:
            own = self.space.lock("b")
        with own:
            return act(own)

    async def holding_later(self, guard: Any, keys: list[Any], act: Any) -> Any:
        """The same for asyncio."""
        if guard is not self.other:
            return await finish(act(guard))
        try:
            own = self.space.lock(*keys)
        except latchwork.Invalid:
            own = self.space.lock("b")
        async with own:
            return await finish(act(own))

    def holding_one(self, key: Any, act: Any) -> Any:
        """Do something to a guard of this key that is its own."""
        return self.words["holding"](self.other, [key], act)

    def first(self, watch: Any) -> Any:
        """The first state of what is watched."""
        with watch:
            return next(watch)

    async def first_later(self, watch: Any) -> Any:
        """The same for asyncio."""
        async with watch:
            return await anext(watch)

    def evaluate(self, text: str, given: dict[str, Any]) -> Any:
        """The value of an expression of the table."""
        return eval(text, {**self.words, **given})

    async def call(self, text: str, given: dict[str, Any]) -> Any:
        """Make a call, and wait for what it answers where that is to be awaited."""
        self.given = given
        return await finish(self.evaluate(text, given))

    async def seen(self) -> str:
        """All that a refused call must leave as it was."""
        query = await finish(self.space.query())
        held = [(hold.keys, hold.shared, hold.token, hold.label, hold.claimed) for hold in query.held]
        pending = [(wait.keys, wait.shared, wait.label, wait.position, wait.blocked_by) for wait in query.pending]
        cells = [(entry.key, entry.version, entry.expires_in) for entry in await finish(self.queue.list())]
        return repr((held, pending, cells, self.clock.now, self.runs))

    async def works(self) -> None:
        """Check that the space still does what it is for."""
        guard = await finish(self.space.try_lock("works", "still", label="after"))
        assert guard is not None and guard.held
        guard.release()
        assert await finish(self.space.try_lock("held")) is None
        written = await finish(self.space.set("works", 1))
        assert (await finish(self.space.get("works"))).version == written.version

    async def give_back(self, value: Any) -> None:
        """Give back what an accepted call answered."""
        if isinstance(value, (latchwork.Guard, latchwork.aio.Guard)) and value.held:
            value.release()
        if isinstance(value, (latchwork.Space, latchwork.aio.Space)) and " within=" not in repr(value):
            await finish(value.close())
        if isinstance(value, (latchwork.Owner, latchwork.aio.Owner)):
            await finish(value.close())

    async def receiver(self, name: str) -> dict[str, Any]:
        """What a call can be made on although it should not, by its name in the table."""
        gone = await finish(self.module.open())
        guard = await finish(gone.lock("k"))
        owner = gone.owner()
        if name == "closed owner":
            await finish(owner.close())
        if name == "released guard":
            guard.release()
        if name == "lost guard":
            await finish(gone.revoke("k"))
        if name == "guard that was handed over":
            await finish(guard.hand_over(owner))
        if name not in ("closed owner", "lost guard", "guard that was handed over"):
            await finish(gone.close())
        guard.__exit__(None, None, None)
        if name in ("released guard", "guard of a closed space", "lost guard", "guard that was handed over"):
            return {"guard": guard}
        if name == "closed space":
            return {"space": gone}
        if name in ("closed owner", "owner of a closed space"):
            return {"owner": owner}
        if name.startswith("no "):
            kind = name.removeprefix("no ")
            return {kind: Foreign(type({"space": gone, "guard": guard, "owner": owner}[kind]))}
        raise AssertionError(f"no such receiver: {name}")

    async def close(self) -> None:
        """Check that what was held and queued is there to the end."""
        assert self.held.held and self.other.held and self.elsewhere.held
        self.elsewhere.release()
        self.held.release()
        (await self.waiting).release()
        self.other.release()
        assert await finish(self.owner.close()) >= 1
        for space in (self.named, self.space, self.queue):
            await finish(space.close())


class Foreign:
    """Calls methods of a class on an object of another."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __getattr__(self, name: str) -> Any:
        return functools.partial(getattr(self.cls, name), object())

    def __enter__(self) -> Any:
        return self.cls.__enter__(object())  # type: ignore[attr-defined]

    def __exit__(self, *raised: object) -> Any:
        return self.cls.__exit__(object(), *raised)  # type: ignore[attr-defined]


async def finish(value: Any) -> Any:
    """Await what a call of asyncio's API answers; anything else is the answer itself."""
    request = isinstance(value, latchwork.aio.Guard) and value.token == 0
    if request or inspect.iscoroutine(value):
        return await asyncio.wait_for(value, LIMIT)
    return value


def deep(depth: int) -> tuple[Any, ...]:
    """Tuples in tuples."""
    nested: tuple[Any, ...] = ()
    for _ in range(1, depth):
        nested = (nested,)
    return nested
