"""`transact`: what a body does with its handle, in both APIs (C6 to C12, C15)."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import KEEP, Query
from latchwork.testing import ManualClock

from either_api import done, either

NOTHING = Query([], [])


def plain(api: ModuleType, body: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A body written once, for both APIs: the blocking one runs it at once."""
    if api is latchwork.aio:
        return body

    def run(tx: Any) -> Any:
        coroutine = body(tx)
        try:
            while True:
                coroutine.send(None)
        except StopIteration as end:
            return end.value

    return run


async def transact(api: ModuleType, space: Any, body: Callable[[Any], Any], **options: Any) -> Any:
    """One transaction of either API."""
    return await done(space.transact(plain(api, body), **options))


@either
async def test_writes_appear_together(api: ModuleType) -> None:
    """Read back by the body, seen by nobody else before the commit; one version for all."""
    space = await done(api.open())
    await done(space.set("a", 1))

    async def body(tx: Any) -> str:
        await done(tx.set("a", 2))
        await done(tx.set(("b", 1), [3]))
        assert (await done(tx.get("a"))).value == 2
        assert [entry.value for entry in await done(tx.get_many("a", ("b", 1), "c"))] == [2, [3], None]
        assert (await done(space.get("a"))).value == 1
        assert (await done(space.get(("b", 1)))).version == 0
        return "result"

    result = await transact(api, space, body)
    assert (result.value, result.attempts) == ("result", 1)
    entries = await done(space.get_many("a", ("b", 1)))
    assert [(entry.value, entry.version) for entry in entries] == [(2, result.version), ([3], result.version)]
    match result:
        case latchwork.Committed(value, version, attempts):
            assert (value, version, attempts) == ("result", result.version, 1)
    assert repr(result) == f"Committed(value='result', version={result.version}, attempts=1)"


@pytest.mark.parametrize("value", [None, False, 0, "", [], latchwork.KEEP, latchwork.DELETE])
def test_success_is_never_judged_by_the_value(value: Any) -> None:
    """Falsy values commit like any other, and so does what means something to `update`."""
    space = latchwork.open()

    def body(tx: latchwork.Transaction) -> Any:
        tx.set("a", 1)
        return value

    assert space.transact(body).value is value
    assert space.get("a").value == 1


@either
async def test_nothing_written(api: ModuleType) -> None:
    """A transaction that wrote nothing commits with version 0."""
    space = await done(api.open())

    async def body(tx: Any) -> Any:
        return (await done(tx.get("a"))).version

    result = await transact(api, space, body)
    assert (result.value, result.version, result.attempts) == (0, 0, 1)


@either
async def test_insert_delete_list(api: ModuleType) -> None:
    """Own writes are laid over what is there."""
    space = await done(api.open())
    for number in 1, 2, 3:
        await done(space.set(("k", number), number))

    async def body(tx: Any) -> None:
        inserted = await done(tx.insert(("k", 4), 4))
        assert inserted and inserted.ok and repr(inserted) == "Inserted()"
        refused = await done(tx.insert(("k", 1), 9))
        assert not refused and refused.entry.value == 1
        again = await done(tx.insert(("k", 4), 9))
        assert not again and again.entry.value == 4
        await done(tx.delete(("k", 2)))
        assert (await done(tx.get(("k", 2)))).version == 0
        assert [entry.value for entry in await done(tx.list(prefix=("k",)))] == [1, 3, 4]
        assert [entry.value for entry in await done(tx.list(prefix=("k",), limit=2, reverse=True))] == [4, 3]
        assert [entry.value for entry in await done(tx.list(start=("k", 3), end=("k", 4)))] == [3]
        assert [entry.value for entry in await done(space.list(prefix=("k",)))] == [1, 2, 3]

    await transact(api, space, body)
    assert [entry.value for entry in await done(space.list(prefix=("k",)))] == [1, 3, 4]


@either
async def test_a_stale_read_dooms_the_attempt(api: ModuleType) -> None:
    """Its next operation raises `Conflict`; whatever the body does then is discarded, and it runs again (C6)."""
    space = await done(api.open())
    await done(space.set("a", 1))
    await done(space.set("b", 1))
    seen: list[Any] = []

    async def body(tx: Any) -> str:
        first = await done(tx.get("a"))
        if tx.attempt == 1:
            await done(space.atomic().set("a", 2).set("b", 2).commit())
        try:
            second = await done(tx.get("b"))
        except latchwork.Conflict as conflict:
            assert conflict.attempts is None and conflict.conflicts == ()
            seen.append("stale")
            calls: list[Callable[[], Any]] = [
                lambda: tx.get("a"),
                lambda: tx.set("a", 9),
                lambda: tx.list(),
                lambda: tx.delete("a"),
            ]
            for call in calls:
                with pytest.raises(latchwork.Conflict):
                    await done(call())
            return "swallowed"
        seen.append((first.value, second.value))
        await done(tx.set("c", first.value + second.value))
        return "done"

    result = await transact(api, space, body)
    assert (result.value, result.attempts) == ("done", 2)
    assert seen == ["stale", (2, 2)]
    assert (await done(space.get("c"))).value == 4


@either
async def test_whatever_a_doomed_body_raises_is_discarded(api: ModuleType) -> None:
    """Also an error of its own that came of what it could not read."""
    space = await done(api.open())
    runs = 0

    async def body(tx: Any) -> int:
        nonlocal runs
        runs += 1
        await done(tx.get("a"))
        if runs == 1:
            await done(space.set("a", 1))
            try:
                await done(tx.get("b"))
            except latchwork.Conflict:
                raise KeyError("of no interest") from None
        return runs

    assert (await transact(api, space, body)).value == 2


@either
async def test_reads_are_validated_at_commit(api: ModuleType) -> None:
    """Two that read what the other writes: no write skew."""
    space = await done(api.open())
    await done(space.set("on call", ["ann", "bob"]))
    for name in "ann", "bob":
        await done(space.set(("doctor", name), True))

    async def leave(name: str, meanwhile: Callable[[], Any]) -> bool:
        async def body(tx: Any) -> bool:
            entries = await done(tx.get_many(("doctor", "ann"), ("doctor", "bob")))
            if tx.attempt == 1:
                await done(meanwhile())
            if sum(entry.value for entry in entries) < 2:
                return False
            await done(tx.set(("doctor", name), False))
            return True

        return bool((await transact(api, space, body)).value)

    async def nothing() -> None:
        return None

    left: list[bool] = []

    async def other() -> None:
        left.append(await leave("bob", nothing))

    def inside() -> Any:
        if api is latchwork.aio:
            return other()
        coroutine = other()
        with contextlib.suppress(StopIteration):
            coroutine.send(None)
        return None

    left.append(await leave("ann", inside))
    assert sorted(left) == [False, True]
    assert sum(entry.value for entry in await done(space.list(prefix=("doctor",)))) == 1


@either
async def test_errors_of_the_body_pass_through(api: ModuleType) -> None:
    """That very object, after one run; nothing is written, no callback runs."""
    space = await done(api.open())
    mine, called = RuntimeError("mine"), []

    async def body(tx: Any) -> None:
        await done(tx.set("a", 1))
        tx.on_commit(lambda: called.append(1))
        raise mine

    with pytest.raises(RuntimeError, match="mine") as error:
        await transact(api, space, body)
    assert error.value is mine and mine.__context__ is None
    assert (called, await done(space.list()), await done(space.query())) == ([], [], NOTHING)


@either
async def test_abort(api: ModuleType) -> None:
    """The mark decides, whatever the body does next; the reason is the very object (C8)."""
    space = await done(api.open())
    reason = {"balance": 3}

    async def passing(tx: Any) -> None:
        await done(tx.set("a", 1))
        tx.abort(reason)

    async def swallowing(tx: Any) -> str:
        try:
            await passing(tx)
        except latchwork.Aborted:
            with pytest.raises(latchwork.Aborted):
                await done(tx.get("a"))
            with pytest.raises(latchwork.Aborted) as again:
                tx.abort("another")
            assert again.value.reason is reason
        return "committed?"

    async def replacing(tx: Any) -> None:
        try:
            await passing(tx)
        except latchwork.Aborted:
            raise KeyError("another") from None

    for body in (passing, swallowing, replacing):
        with pytest.raises(latchwork.Aborted) as aborted:
            await transact(api, space, body)
        assert (aborted.value.code, aborted.value.reason is reason) == ("aborted", True)
        assert await done(space.list()) == []


@either
async def test_savepoints(api: ModuleType) -> None:
    """What one wrote is undone with it, what was written around it stays; commit is at the top (C7)."""
    space = await done(api.open())
    called: list[str] = []

    async def body(tx: Any) -> str:
        await done(tx.set("a", 1))
        tx.on_commit(lambda: called.append("outer"))
        outer = tx

        async def kept(tx: Any) -> str:
            assert tx.attempt == 1
            assert (await done(tx.get("a"))).value == 1
            with pytest.raises(latchwork.Invalid) as refused:
                await done(outer.get("a"))
            assert refused.value.what == "tx"
            await done(tx.set("b", 2))
            tx.on_commit(lambda: called.append("kept"))
            return "inner"

        async def undone(tx: Any) -> None:
            await done(tx.set("a", 9))
            await done(tx.set("c", 9))
            tx.on_commit(lambda: called.append("undone"))
            raise KeyError("c")

        async def aborted(tx: Any) -> None:
            await done(tx.set("d", 9))
            with contextlib.suppress(latchwork.Aborted):
                tx.abort(5)

        assert await done(tx.transact(plain(api, kept))) == "inner"
        with pytest.raises(KeyError):
            await done(tx.transact(plain(api, undone)))
        with pytest.raises(latchwork.Aborted) as error:
            await done(tx.transact(plain(api, aborted)))
        assert error.value.reason == 5
        assert [entry.value for entry in await done(tx.get_many("a", "b", "c", "d"))] == [1, 2, None, None]
        assert await done(space.list()) == []
        return "outer"

    assert (await transact(api, space, body)).value == "outer"
    assert [(entry.key, entry.value) for entry in await done(space.list())] == [("a", 1), ("b", 2)]
    assert called == ["outer", "kept"]


@either
async def test_reads_of_a_savepoint_that_was_undone_stay(api: ModuleType) -> None:
    """A change of what it read is a conflict."""
    space = await done(api.open())
    runs = 0

    async def body(tx: Any) -> None:
        nonlocal runs
        runs += 1

        async def look(tx: Any) -> None:
            await done(tx.get("a"))
            tx.abort("seen enough")

        with pytest.raises(latchwork.Aborted):
            await done(tx.transact(plain(api, look)))
        if runs == 1:
            await done(space.set("a", 1))
        await done(tx.set("b", runs))

    assert (await transact(api, space, body)).attempts == 2
    assert (await done(space.get("b"))).value == 2


@either
async def test_a_stale_read_in_a_savepoint(api: ModuleType) -> None:
    """It concerns the whole attempt: the savepoint raises `Conflict`, whatever its body did."""
    space = await done(api.open())
    seen: list[type] = []

    async def body(tx: Any) -> None:
        await done(tx.get("a"))

        async def inside(tx: Any) -> None:
            if tx.attempt == 1:
                await done(space.set("a", 1))
            try:
                await done(tx.get("b"))
            except latchwork.Conflict:
                raise KeyError("of no interest") from None

        try:
            await done(tx.transact(plain(api, inside)))
        except Exception as error:
            seen.append(type(error))
            raise

    assert (await transact(api, space, body)).attempts == 2
    assert seen == [latchwork.Conflict]


@either
async def test_handles_after_their_body(api: ModuleType) -> None:
    """They are `Invalid`, and touch nothing (C8)."""
    space = await done(api.open())
    kept: list[Any] = []

    async def body(tx: Any) -> None:
        kept.append(tx)

        async def inside(tx: Any) -> None:
            kept.append(tx)

        await done(tx.transact(plain(api, inside)))
        with pytest.raises(latchwork.Invalid):
            await done(kept[1].get("a"))

    await transact(api, space, body)

    async def next_one(tx: Any) -> None:
        for old in kept:
            calls: list[Callable[[], Any]] = [
                lambda old=old: old.get("a"),  # type: ignore[misc]
                lambda old=old: old.get_many("a"),  # type: ignore[misc]
                lambda old=old: old.set("a", 1),  # type: ignore[misc]
                lambda old=old: old.insert("a", 1),  # type: ignore[misc]
                lambda old=old: old.delete("a"),  # type: ignore[misc]
                lambda old=old: old.list(),  # type: ignore[misc]
                lambda old=old: old.transact(print),  # type: ignore[misc]
                lambda old=old: old.on_commit(print),  # type: ignore[misc]
                lambda old=old: old.abort("no"),  # type: ignore[misc]
                lambda old=old: old.retry(),  # type: ignore[misc]
            ]
            for call in calls:
                with pytest.raises(latchwork.Invalid) as refused:
                    await done(call())
                assert refused.value.what == "tx"
        await done(tx.set("b", 1))

    result = await transact(api, space, next_one)
    assert result.attempts == 1
    assert [entry.key for entry in await done(space.list())] == ["b"]
    assert kept[0].attempt == 1


@either
async def test_handles_of_an_earlier_run(api: ModuleType) -> None:
    """They are no handles of the next one."""
    space = await done(api.open())
    kept: list[Any] = []

    async def body(tx: Any) -> None:
        kept.append(tx)
        await done(tx.get("a"))
        if tx.attempt == 1:
            await done(space.set("a", 1))
        else:
            with pytest.raises(latchwork.Invalid):
                await done(kept[0].set("b", 1))
        await done(tx.set("c", tx.attempt))

    assert (await transact(api, space, body)).attempts == 2
    assert [(entry.key, entry.value) for entry in await done(space.list())] == [("a", 1), ("c", 2)]


@either
async def test_callbacks(api: ModuleType, capsys: Any = None) -> None:
    """Once, after the commit, in order, not for a run that was not committed (C9)."""
    name = f"memory:callbacks {api.__name__}"
    space, other = await done(api.open(name)), latchwork.open(name)
    called: list[Any] = []

    async def body(tx: Any) -> None:
        run = tx.attempt
        await done(tx.get("a"))
        if run == 1:
            other.set("a", 1)
        await done(tx.set("b", run))
        tx.on_commit(lambda: called.append((run, "first", other.get("b").value)))
        tx.on_commit(lambda: called.append((run, "second", other.get("b").value)))

    assert (await transact(api, space, body)).attempts == 2
    assert called == [(2, "first", 2), (2, "second", 2)]
    other.close()
    await done(space.close())


def test_an_error_in_a_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported, and changes nothing else."""
    import sys

    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    space = latchwork.open()
    called: list[int] = []
    mine = ValueError("mine")

    def fail() -> None:
        raise mine

    def body(tx: latchwork.Transaction) -> str:
        tx.set("a", 1)
        tx.on_commit(lambda: called.append(1))
        tx.on_commit(fail)
        tx.on_commit(lambda: called.append(2))
        return "committed"

    assert space.transact(body).value == "committed"
    assert called == [1, 2]
    assert [(report.exc_value, report.object) for report in reported] == [(mine, fail)]


@either
async def test_callbacks_that_cannot_be(api: ModuleType) -> None:
    """What is no function, or would have to be awaited."""
    space = await done(api.open())

    async def later() -> None:
        return None

    async def body(tx: Any) -> None:
        for wrong in (5, "text", None, later):
            with pytest.raises(latchwork.InvalidType) as refused:
                tx.on_commit(wrong)
            assert refused.value.what == "fn"

    await transact(api, space, body)


@either
async def test_retry_without_reads(api: ModuleType) -> None:
    """There is nothing to wait for, and nothing is marked (C10)."""
    space = await done(api.open())

    async def body(tx: Any) -> int:
        await done(tx.set("a", 1))
        with pytest.raises(latchwork.Invalid) as refused:
            tx.retry()
        assert refused.value.what == "retry"
        return 1

    assert (await transact(api, space, body)).value == 1
    assert (await done(space.get("a"))).value == 1


@either
async def test_expiry(api: ModuleType) -> None:
    """A cell that was read keeps what it had; `None` clears it, a number sets it (C12)."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))
    for key in "abcd":
        await done(space.set(key, 1, expire_in=10))
    clock.advance(4)

    async def body(tx: Any) -> None:
        for key in "abc":
            assert (await done(tx.get(key))).expires_in == pytest.approx(6)
        await done(tx.set("a", 2))
        await done(tx.set("b", 2, expire_in=None))
        await done(tx.set("c", 2, expire_in=20))
        await done(tx.set("d", 2))
        await done(tx.set("e", 2, expire_in=KEEP))
        await done(tx.insert("f", 2, expire_in=5))
        await done(tx.insert("g", 2))

    await transact(api, space, body)
    entries = await done(space.get_many(*"abcdefg"))
    assert [entry.expires_in for entry in entries] == [pytest.approx(6), None, pytest.approx(20), None, None, 5, None]


@either
async def test_a_cell_that_expires_between_two_reads(api: ModuleType) -> None:
    """The attempt is stale, and runs again on an absent cell."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))
    await done(space.set("a", 1, expire_in=10))
    seen: list[Any] = []

    async def body(tx: Any) -> None:
        seen.append((await done(tx.get("a"))).value)
        if tx.attempt == 1:
            clock.advance(10)
        await done(tx.get("b"))

    assert (await transact(api, space, body)).attempts == 2
    assert seen == [1, None]


@either
async def test_phantoms(api: ModuleType) -> None:
    """A cell that comes into a scanned range before the commit is a conflict (C11)."""
    space = await done(api.open())
    await done(space.set(("seat", 1), "ann"))

    async def body(tx: Any) -> int:
        taken = len(await done(tx.list(prefix=("seat",))))
        if tx.attempt == 1:
            await done(space.set(("seat", 2), "bob"))
        await done(tx.set("taken", taken))
        return taken

    result = await transact(api, space, body)
    assert (result.value, result.attempts) == (2, 2)


@either
async def test_values_are_the_readers_own(api: ModuleType) -> None:
    """Changing what was read or given changes no cell, and no later read (C15)."""
    space = await done(api.open())
    await done(space.set("a", [1]))

    async def body(tx: Any) -> None:
        value = (await done(tx.get("a"))).value
        value.append(2)
        assert (await done(tx.get("a"))).value == [1]
        await done(tx.set("b", value))
        value.append(3)
        assert (await done(tx.get("b"))).value == [1, 2]

    await transact(api, space, body)
    assert [entry.value for entry in await done(space.list())] == [[1], [1, 2]]


@either
async def test_limits_and_guards(api: ModuleType) -> None:
    """As those of `update`."""
    name = f"memory:limits {api.__name__}"
    space, other = await done(api.open(name)), latchwork.open(name)

    async def lose(tx: Any) -> None:
        await done(tx.get("a"))
        other.set("a", tx.attempt)
        await done(tx.set("b", 1))

    with pytest.raises(latchwork.Conflict) as conflict:
        await transact(api, space, lose, attempts=2)
    assert conflict.value.attempts == 2
    assert [stale.key for stale in conflict.value.conflicts] == ["a"]

    async def write(tx: Any) -> None:
        await done(tx.set("c", 1))

    guard = await done(space.lock("k"))
    await transact(api, space, write, guard=guard, guard_keys=["k"])
    guard.release()
    with pytest.raises(latchwork.Fenced):
        await transact(api, space, write, guard=guard)
    other.close()
    await done(space.close())
    with pytest.raises(latchwork.Closed):
        await transact(api, space, write)


@either
async def test_a_sub_space(api: ModuleType) -> None:
    """Its transactions know its keys only."""
    space = await done(api.open())
    tenant = space.within(("tenant", 7))

    async def body(tx: Any) -> list[Any]:
        await done(tx.set("a", 1))
        await done(tx.set(("b", 2), 2))
        assert (await done(tx.get("a"))).key == "a"
        return [entry.key for entry in await done(tx.list())]

    assert (await transact(api, tenant, body)).value == ["a", ("b", 2)]
    assert [entry.key for entry in await done(space.list())] == [("tenant", 7, "a"), ("tenant", 7, ("b", 2))]


def test_a_coroutine_function_in_the_blocking_api() -> None:
    """It would commit nothing and say that it did."""
    space = latchwork.open()

    async def body(tx: latchwork.Transaction) -> None:
        tx.set("a", 1)

    calls: list[Callable[[], Any]] = [
        lambda: space.transact(body),
        lambda: space.transact(lambda tx: tx.transact(body)),
    ]
    for call in calls:
        with pytest.raises(latchwork.InvalidType) as refused:
            call()
        assert refused.value.what == "fn"
    assert space.list() == []


def test_committed_is_generic_at_run_time() -> None:
    """So that it can be named in annotations that are evaluated."""
    assert latchwork.Committed[int].__args__ == (int,)  # type: ignore[attr-defined]
    assert inspect.isclass(latchwork.Committed)
