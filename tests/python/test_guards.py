"""Guards and requests as objects: entered again, shown, referred to weakly, told apart."""

from __future__ import annotations

import asyncio
import gc
import weakref

import latchwork
import latchwork.aio
import pytest
from latchwork.aio import LockRequest


def test_a_released_guard_is_not_entered() -> None:
    """A block that believes to hold the lock does not run: `with` raises, on both APIs."""
    with latchwork.open() as space:
        guard = space.lock("a", "b")
        guard.release()
        with pytest.raises(latchwork.NotHeld) as error, guard:
            pytest.fail("the block ran")
        assert error.value.keys == ("a", "b")
        with space.lock("a") as again, again:
            pass
        assert not again.held

    async def aio() -> None:
        async with await latchwork.aio.open() as space:
            guard = await space.lock("a", "b")
            guard.release()
            with pytest.raises(latchwork.NotHeld) as error, guard:
                pytest.fail("the block ran")
            assert error.value.keys == ("a", "b")
            with pytest.raises(latchwork.NotHeld):
                async with guard:
                    pytest.fail("the block ran")
            async with space.lock("a") as again:
                async with again:
                    pass
                assert not again.held
                with pytest.raises(latchwork.NotHeld):
                    async with again:
                        pytest.fail("the block ran")

    asyncio.run(aio())


def test_a_lost_guard_is_not_entered() -> None:
    """The same where the space was closed."""
    space = latchwork.open()
    guard = space.lock("a")
    space.close()
    with pytest.raises(latchwork.NotHeld), guard:
        pytest.fail("the block ran")


def test_weak_references() -> None:
    """To spaces and guards, of both APIs; caches and registries are made of them."""

    async def aio() -> tuple[latchwork.aio.Space, latchwork.aio.Guard]:
        space = await latchwork.aio.open()
        return space, await space.lock("a")

    aio_space, aio_guard = asyncio.run(aio())
    space = latchwork.open()
    guard = space.lock("a")
    weak = [weakref.ref(thing) for thing in (space, guard, aio_space, aio_guard)]
    assert [ref() for ref in weak] == [space, guard, aio_space, aio_guard]
    assert len(weakref.WeakSet([guard, aio_guard])) == 2
    guard.release()
    aio_guard.release()
    del space, guard, aio_space, aio_guard
    gc.collect()
    assert [ref() for ref in weak] == [None] * 4


def test_requests_have_their_own_name() -> None:
    """The class that is written in annotations, and how a request shows itself before it is a guard."""
    assert (LockRequest.__name__, LockRequest.__qualname__) == ("LockRequest", "LockRequest")
    assert repr(LockRequest) == "<class 'latchwork.lock_request.LockRequest'>"
    with pytest.raises(TypeError, match="abstract"):
        LockRequest()  # type: ignore[abstract]

    async def aio() -> None:
        async with await latchwork.aio.open() as space:
            request = space.lock("a", ("user", 7), shared=["b"], label="mine")
            assert isinstance(request, LockRequest)
            wanted = "keys=('a', ('user', 7)) shared=('b',) label=\"mine\""
            assert repr(request) == f"<latchwork.aio.LockRequest not awaited {wanted}>"
            guard = await request
            assert repr(guard) == f"<latchwork.aio.Guard held {wanted} token={guard.token}>"
            second = space.lock("a")
            second.send(None)
            assert repr(second) == "<latchwork.aio.LockRequest waiting keys=('a',)>"
            second.close()
            assert repr(second) == "<latchwork.aio.LockRequest given up keys=('a',)>"
            guard.release()
            assert repr(guard) == f"<latchwork.aio.Guard released {wanted} token={guard.token}>"

    asyncio.run(aio())


def test_epoch_tells_the_lives_apart() -> None:
    """Tokens begin anew in each life of a space; the pair with its epoch rises."""
    seen = []
    for _ in range(3):
        with latchwork.open("memory:lives") as space:
            for _ in range(2):
                with space.lock("a") as guard:
                    seen.append((space.epoch, guard.token))
    assert seen == sorted(set(seen))
    assert seen[2][1] <= seen[1][1], "the token alone does not"
