"""Cells, in both APIs: what is read, written, refused, listed and deleted."""

from __future__ import annotations

import gc
from types import ModuleType
from typing import Any

import latchwork
import pytest
from latchwork import Written
from latchwork.testing import ManualClock

from either_api import done, either


@either
async def test_versions(api: ModuleType) -> None:
    """Absent is 0; every change is larger, also of an equal value, and of a cell that was deleted meanwhile (C1)."""
    space = await done(api.open())
    versions = [(await done(space.get("a"))).version]
    for _ in range(2):
        versions.append((await done(space.set("a", 1))).version)
    assert (await done(space.delete("a"))).existed
    assert (await done(space.get("a"))).version == 0
    versions.append((await done(space.set("a", 1))).version)
    assert versions[0] == 0
    assert versions == sorted(set(versions))
    entry = await done(space.get("a"))
    assert (entry.key, entry.value, entry.version, entry.expires_in) == ("a", 1, versions[-1], None)


@either
async def test_insert_compare_delete(api: ModuleType) -> None:
    """Each says which way it went, with the entry that is there (C4), and is as true as that."""
    space = await done(api.open())
    first = await done(space.insert("a", "first"))
    assert isinstance(first, Written) and first and first.ok
    second = await done(space.insert("a", "second"))
    assert isinstance(second, latchwork.Refused) and not second and not second.ok
    assert (second.entry.value, second.entry.version) == ("first", first.version)
    changed = await done(space.compare_exchange(second.entry, "third"))
    assert changed.version > first.version
    stale = await done(space.compare_exchange("a", "fourth", version=first.version))
    assert not stale and stale.entry.value == "third"
    assert not await done(space.compare_exchange("a", "fourth", version=0))
    assert await done(space.compare_exchange("b", "new", version=0))
    kept = await done(space.delete(second.entry))
    assert isinstance(kept, latchwork.Refused) and kept.entry == stale.entry
    assert not await done(space.delete("a", version=first.version))
    assert (await done(space.delete(stale.entry))).existed
    gone = await done(space.delete("a"))
    assert gone and gone.ok and not gone.existed
    absent = await done(space.compare_exchange(stale.entry, 1))
    assert (absent.entry.value, absent.entry.version) == (None, 0)


@either
async def test_many_at_one_instant(api: ModuleType) -> None:
    """In the order asked, absent ones too, each as often as asked."""
    space = await done(api.open())
    await done(space.set(("user", 1), {"name": "ada"}))
    await done(space.set(b"raw", None))
    entries = await done(space.get_many("none", ("user", 1), b"raw", ("user", 1)))
    assert [entry.key for entry in entries] == ["none", ("user", 1), b"raw", ("user", 1)]
    assert [entry.version > 0 for entry in entries] == [False, True, True, True]
    assert [entry.value for entry in entries] == [None, {"name": "ada"}, None, {"name": "ada"}]
    assert await done(space.get_many()) == []


@either
async def test_keys_of_all_kinds_are_cells_of_their_own(api: ModuleType) -> None:
    """Those that are equal to Python too."""
    space = await done(api.open())
    keys: list[Any] = [1, "1", True, b"1", (1,), ("1",), (), 2**64 - 1, -(2**63), "k" * 2000]
    for number, key in enumerate(keys):
        await done(space.set(key, number))
    entries = await done(space.get_many(*keys))
    assert [(entry.key, entry.value) for entry in entries] == [(key, number) for number, key in enumerate(keys)]
    assert [type(entry.key) for entry in entries] == [type(key) for key in keys]
    # Equal to Python, and not the same cell.
    assert entries[0] != entries[2] and entries[0].key == entries[2].key


@either
async def test_a_value_is_the_readers_own(api: ModuleType) -> None:
    """Changing what was read, or what was written afterwards, never changes the cell (C15)."""
    space = await done(api.open())
    value = {"tags": ["a"]}
    await done(space.set("doc", value))
    value["tags"].append("later")
    batch = space.atomic().set("other", value)
    value["tags"].append("later still")
    await done(batch.commit())
    one, two = await done(space.get("doc")), await done(space.get("doc"))
    assert one.value == {"tags": ["a"]} and one.value is not two.value
    one.value["tags"].append("mine")
    refused = await done(space.insert("doc", {}))
    refused.entry.value["tags"].append("mine too")
    [listed] = await done(space.list(prefix="doc"))
    listed.value.clear()
    assert (await done(space.get("doc"))).value == two.value == {"tags": ["a"]}
    assert (await done(space.get("other"))).value == {"tags": ["a", "later"]}


@either
async def test_an_atomic_commit(api: ModuleType) -> None:
    """All or nothing, one version, every conflict with its entry, in the order of the calls."""
    space = await done(api.open())
    await done(space.set("payer", 5))
    payer = await done(space.get("payer"))
    result = await done(
        space.atomic().check(payer).set("payer", 3).insert("payee", 2).check("audit", 0).delete("none").commit()
    )
    assert isinstance(result, Written) and result
    entries = await done(space.get_many("payer", "payee"))
    assert [(entry.value, entry.version) for entry in entries] == [(3, result.version), (2, result.version)]
    result = await done(space.atomic().check(payer).set("payer", 1).insert("payee", 4).check("audit", 7).commit())
    assert isinstance(result, latchwork.Conflicted) and not result and not result.ok
    conflicts = [(conflict.key, conflict.expected, conflict.entry) for conflict in result.conflicts]
    assert conflicts[:2] == [("payer", payer.version, entries[0]), ("payee", 0, entries[1])]
    assert conflicts[2][:2] == ("audit", 7) and conflicts[2][2].version == 0
    assert [entry.value for entry in await done(space.get_many("payer", "payee"))] == [3, 2]
    nothing = await done(space.atomic().check("payer", result.conflicts[0].entry.version).commit())
    assert nothing and nothing.version == 0
    await done(space.atomic().set("last", 1).set("last", 2).commit())
    assert (await done(space.get("last"))).value == 2


@either
async def test_an_atomic_commit_is_made_once(api: ModuleType) -> None:
    """And nothing before it."""
    space = await done(api.open())
    batch = space.atomic().set("a", 1)
    assert (await done(space.get("a"))).version == 0
    with pytest.raises(latchwork.Invalid) as refused:
        batch.set(5.5, 1)
    assert refused.value.what == "key"
    assert await done(batch.commit())
    with pytest.raises(latchwork.Invalid) as refused:
        await done(batch.commit())
    assert refused.value.what == "commit"


@either
async def test_ranges(api: ModuleType) -> None:
    """By leading bytes, by whole parts, between two keys; a limit from either end (C11)."""
    space = await done(api.open())
    keys: list[Any] = [3, "user", "user:1", "user:2", ("user", 1), ("user", 2), ("users", 1)]
    for key in keys:
        await done(space.set(key, str(key)))

    async def found(**options: Any) -> list[Any]:
        return [entry.key for entry in await done(space.list(**options))]

    everything = await found()
    assert sorted(map(repr, everything)) == sorted(map(repr, keys))
    assert await found(prefix="user:") == ["user:1", "user:2"]
    assert await found(prefix=("user",)) == [("user", 1), ("user", 2)]
    assert await found(prefix=("user",), limit=1, reverse=True) == [("user", 2)]
    assert await found(start="user:1", end="user:2") == ["user:1"]
    assert await found(start=everything[2]) == everything[2:]
    assert await found(end=everything[2]) == everything[:2]
    assert await found(limit=0) == []
    assert await done(space.delete_all(prefix="user:", except_=["user:2"])) == ["user:1"]
    assert await done(space.delete_all(start="user", end="user:3")) == ["user", "user:2"]
    assert await done(space.delete_all(prefix="user")) == []
    assert await found() == [key for key in everything if not isinstance(key, str)]


@either
async def test_expiry(api: ModuleType) -> None:
    """Decided at every read and commit; a later write clears it (C12)."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))
    await done(space.set("a", 1, expire_in=10))
    await done(space.insert("b", 2, expire_in=10))
    await done(space.atomic().set("c", 3, expire_in=0.5).set("d", 4).commit())
    clock.advance(1)
    a, b, c, d = await done(space.get_many("a", "b", "c", "d"))
    assert [entry.expires_in for entry in (a, b, d)] == [9, 9, None]
    assert (c.value, c.version) == (None, 0)
    assert (await done(space.compare_exchange(b, 2))).ok
    clock.advance(9)
    assert [entry.key for entry in await done(space.list())] == ["b", "d"]
    assert not await done(space.compare_exchange(a, 1))
    assert (await done(space.delete("a"))).existed is False
    assert (await done(space.insert("a", 1, expire_in=None))).ok
    await done(space.set("gone", 1, expire_in=0))
    assert (await done(space.get("gone"))).version == 0


@either
async def test_an_entry(api: ModuleType) -> None:
    """Frozen and slotted; equal by key and version; can be a key of a dict, and be matched."""
    space = await done(api.open(clock=ManualClock()))
    await done(space.set("a", [1], expire_in=2))
    entry, same = await done(space.get("a")), await done(space.get("a"))
    assert entry == same and len({entry, same}) == 1 and entry != "a"
    await done(space.set("a", [1]))
    assert entry != await done(space.get("a"))
    for name in ("key", "value", "version", "other"):
        with pytest.raises(AttributeError):
            setattr(entry, name, 1)
    assert not hasattr(entry, "__dict__")
    match entry:
        case latchwork.Entry("a", [number], version, seconds):
            assert (number, version, seconds) == (1, entry.version, 2)
        case _:
            raise AssertionError("not matched")
    match await done(space.insert("a", 1)):
        case latchwork.Refused(latchwork.Entry(key="a")):
            pass
        case other:
            raise AssertionError(other)
    assert repr(entry) == f"Entry(key='a', value=[1], version={entry.version}, expires_in=2.0)"
    # A value may refer to its own entry: the collector finds it.
    entry.value.append(entry)
    assert gc.is_tracked(entry)


@either
async def test_a_closed_space(api: ModuleType) -> None:
    """Whatever is asked raises `Closed`."""
    space = await done(api.open())
    batch = space.atomic().set("a", 1)
    await done(space.close())
    calls: list[Any] = [
        lambda: space.get("a"),
        lambda: space.get_many("a"),
        lambda: space.set("a", 1),
        lambda: space.insert("a", 1),
        lambda: space.compare_exchange("a", 1, version=0),
        lambda: space.delete("a"),
        lambda: space.list(),
        lambda: space.delete_all(prefix="a"),
        lambda: batch.commit(),
    ]
    for call in calls:
        with pytest.raises(latchwork.Closed):
            await done(call())


@either
async def test_both_apis_and_all_handles_have_the_same_cells(api: ModuleType) -> None:
    """When an operation resolves, everybody sees it (C2)."""
    here = await done(api.open("memory:same cells"))
    blocking, aio = latchwork.open("memory:same cells"), await latchwork.aio.open("memory:same cells")
    await done(here.set("a", 1))
    assert blocking.get("a") == await aio.get("a") == await done(here.get("a"))
    entry = blocking.get("a")
    assert (await aio.compare_exchange(entry, 2)).ok
    assert not await done(here.compare_exchange(entry, 3))
    for space in (here, blocking, aio):
        await done(space.close())
    again = await done(api.open("memory:same cells"))
    assert (await done(again.get("a"))).version == 0
    await done(again.close())
