"""Bad arguments, on both APIs: a typed error, and nothing queued or held."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork.testing import ManualClock
from typing_extensions import Self

Call = Callable[..., Any]


@pytest.fixture(params=["blocking", "aio"])
def lock(request: pytest.FixtureRequest) -> Iterator[Call]:
    """Calls `lock` and releases; afterwards the tables must be empty."""
    if request.param == "blocking":
        with latchwork.open() as space:
            yield lambda *keys, **options: space.lock(*keys, **options).release()
            assert space.query() == latchwork.Query([], [])
        return
    with asyncio.Runner() if hasattr(asyncio, "Runner") else Runner() as runner:
        aio_space = runner.run(latchwork.aio.open())

        async def call(*keys: Any, **options: Any) -> None:
            (await aio_space.lock(*keys, **options)).release()

        yield lambda *keys, **options: runner.run(call(*keys, **options))
        assert runner.run(aio_space.query()) == latchwork.Query([], [])


class Runner:
    """What `asyncio.Runner` is from Python 3.11 on."""

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.close()

    def run(self, call: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(call)


@pytest.mark.parametrize(
    ("options", "what", "kind"),
    [
        ({"timeout": -1}, "timeout", ValueError),
        ({"timeout": -0.001}, "timeout", ValueError),
        ({"timeout": math.nan}, "timeout", ValueError),
        ({"timeout": "1"}, "timeout", TypeError),
        ({"timeout": True}, "timeout", TypeError),
        ({"timeout": []}, "timeout", TypeError),
        ({"mode": "write"}, "mode", ValueError),
        ({"mode": "\ud800"}, "mode", ValueError),
        ({"mode": 1}, "mode", TypeError),
        ({"shared": "abc"}, "shared", TypeError),
        ({"shared": b"abc"}, "shared", TypeError),
        ({"shared": 7}, "shared", TypeError),
        ({"shared": ("user", 7)}, "shared", TypeError),
        ({"shared": ("user",)}, "shared", TypeError),
        ({"shared": [1.5]}, "shared[0]", TypeError),
        ({"shared": ["b", ("user", None)]}, "shared[1][1]", TypeError),
        ({"shared": ["b", "x" * 2048]}, "shared[1]", ValueError),
        ({"label": 7}, "label", TypeError),
        ({"label": "\udfff"}, "label", ValueError),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_options(lock: Call, options: dict[str, Any], what: str, kind: type[Exception]) -> None:
    """Each names the argument."""
    with pytest.raises(latchwork.Invalid) as error:
        lock("a", **options)
    assert isinstance(error.value, kind)
    assert error.value.what == what


def test_shared_tuple(lock: Call) -> None:
    """A tuple is one key: the error says how one is given, and one in a list is that key."""
    with pytest.raises(latchwork.InvalidType, match="a tuple is one key, give a list of keys"):
        lock("a", shared=("user", 7))
    with latchwork.open() as space, space.lock("a", shared=[("user", 7)]) as guard:
        assert guard.shared == (("user", 7),)
        assert space.try_lock(("user", 7)) is None
        with space.lock("user", 7, timeout=0):
            pass


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ((1.5,), "key"),
        ((("a", 1.5),), "key[1]"),
        (("a", 1.5), "keys[1]"),
        (([], "a"), "keys[0]"),
        (("a", "b", ("c", (None,))), "keys[2][1][0]"),
        (("a", "x" * 2048), "keys[1]"),
        (("\ud800", "a"), "keys[0]"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_the_error_says_which_key(lock: Call, keys: tuple[Any, ...], what: str) -> None:
    """An only key is `key`, one of several has its number; `query` says the same."""
    with pytest.raises(latchwork.Invalid) as error:
        lock(*keys)
    assert error.value.what == what
    with latchwork.open() as space, pytest.raises(latchwork.Invalid) as error:
        space.query(*keys)
    assert error.value.what == what


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": 0.0},
        {"timeout": -0.0},
        {"timeout": 1e9},
        {"timeout": None},
        {"mode": None},
        {"shared": None},
        {"label": None},
        {"shared": ()},
        {"shared": {"b", "c"}},
        {"shared": (key for key in ("b", "c"))},
        {"label": ""},
        {"label": "x\0y"},
        {"mode": "shared", "shared": ["a", "b"]},
    ],
    ids=repr,
)
def test_good_options(lock: Call, options: dict[str, Any]) -> None:
    """What looks odd and is right."""
    lock("a", **options)


def test_unknown_option(lock: Call) -> None:
    """As every Python call."""
    with pytest.raises(TypeError):
        lock("a", wait=True)


def test_no_keys(lock: Call) -> None:
    """The empty set is granted at once."""
    lock()


@pytest.mark.parametrize("url", ["", "memory", "memory:", "sqlite:x", "file:///x", "\ud800", 7, b"memory:x"])
def test_urls(url: Any) -> None:
    """An address that cannot be opened."""
    with pytest.raises(latchwork.Invalid) as error:
        latchwork.open(url)
    assert error.value.what == "url"
    with pytest.raises(latchwork.Invalid):
        asyncio.run(latchwork.aio.open(url))


def test_one_clock_for_one_name() -> None:
    """Openings of one name agree on the clock."""
    clock = ManualClock()
    with latchwork.open("memory:one-clock", clock=clock), latchwork.open("memory:one-clock", clock=clock):
        for other in (None, ManualClock()):
            with pytest.raises(latchwork.Invalid) as error:
                latchwork.open("memory:one-clock", clock=other)
            assert error.value.what == "clock"


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, "1", None, True])
def test_clock(seconds: Any) -> None:
    """The clock never goes back."""
    clock = ManualClock()
    with pytest.raises(latchwork.Invalid) as error:
        clock.advance(seconds)
    assert error.value.what == "seconds"
    assert clock.now == 0


def test_after_close() -> None:
    """Every operation of a closed space fails with `closed`; closing again does nothing."""
    space = latchwork.open()
    guard = space.lock("a")
    space.close()
    space.close()
    assert not guard.held
    for call in (space.lock, space.try_lock, space.query):
        with pytest.raises(latchwork.Closed):
            call("a")
    with pytest.raises(latchwork.NotHeld):
        guard.release()
    guard.__exit__(None, None, None)

    async def aio() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("a")
        waits = asyncio.ensure_future(space.lock("a"))
        await asyncio.sleep(0)
        await space.close()
        await space.close()
        assert not guard.held
        with pytest.raises(latchwork.Closed):
            await waits
        for call in (space.lock, space.try_lock, space.query):
            with pytest.raises(latchwork.Closed):
                await call("a")
        with pytest.raises(latchwork.NotHeld):
            guard.release()

    asyncio.run(aio())


def test_close_ends_blocked_threads() -> None:
    """A thread that waits while the space is closed gets `closed`."""
    import threading

    space = latchwork.open("memory:close-ends-threads")
    other = latchwork.open("memory:close-ends-threads")
    failed: list[BaseException] = []

    def wait() -> None:
        try:
            other.lock("a")
        except latchwork.Closed as error:
            failed.append(error)

    with space.lock("a"):
        thread = threading.Thread(target=wait)
        thread.start()
        while not space.query().pending:
            pass
        other.close()
        thread.join()
    assert len(failed) == 1
    assert space.query() == latchwork.Query([], [])


def test_a_lock_around_what_has_not_run() -> None:
    """A coroutine function in the blocking API would run when its lock is free again, and so would a generator."""
    space = latchwork.open()

    async def later(guard: latchwork.Guard) -> None:
        return None

    def stray(guard: latchwork.Guard) -> Any:
        yield guard

    functions: list[tuple[Callable[[latchwork.Guard], Any], str]] = [
        (later, "coroutine function"),
        (lambda guard: later(guard), "coroutine function"),
        (stray, "generator function"),
    ]
    for asked in space, space.owner():
        for function, why in functions:
            with pytest.raises(latchwork.InvalidType, match=why) as refused:
                asked.with_lock("a", fn=function)
            assert refused.value.what == "fn"
        assert asked.with_lock("a", fn=lambda guard: guard.held)
    space.lock("a", timeout=0).release()


def test_a_lock_around_what_cannot_be_awaited() -> None:
    """In the asyncio API a plain function has run by then; its lock is free again."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            plain: Any = lambda guard: 1  # noqa: E731
            for asked in space, space.owner():
                with pytest.raises(latchwork.InvalidType, match="answered int, give a coroutine function") as refused:
                    await asked.with_lock("a", fn=plain)
                assert refused.value.what == "fn"
            assert await space.query() == latchwork.Query([], [])

    asyncio.run(main())
