"""Whether calls in other threads have come as far as they can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from latchwork import Entry, Hold, Key, Query, Space, Turn

from .calls import Body
from .host import Result


def quiet(results: Sequence[Result], space: Space) -> bool:
    """Whether everybody who waits stands in `pending`, or waits for a hand-over or a state that does not come."""
    if any(result.reads.is_due(said(results, result), space) for result in results if result.reads and result.waits()):
        return False
    takers = [result.takes_for for result in results if result.takes_for is not None and result.waits()]
    waits = [result for result in results if result.takes_for is None and result.reads is None and result.waits()]
    waiting = sum(not result.sleeps() for result in waits)
    # Asked only now: whoever moves in between makes the two differ.
    query = space.query()
    if waiting != len(query.pending):
        return False
    return not takers or not (any(owner.closed for owner in takers) or on_the_way(results, query, takers))


def said(results: Sequence[Result], reader: Result) -> list[Entry] | None:
    """The last item of the watch that somebody reads, if it was heard of."""
    items = [result.now().get("entries") for result in results if result.reads is reader.reads]
    return next((item for item in reversed(items) if item is not None), None)


def on_the_way(results: Sequence[Result], query: Query, takers: Sequence[Any]) -> bool:
    """Whether somebody is about to take a guard, or has taken one and was not heard of yet."""
    ids = {owner.id for owner in takers}
    known = [guard for guard in map(guard_of, results) if guard is not None]
    for hold in query.held:
        if isinstance(hold.keys[0] if hold.keys else None, Turn):
            continue
        if hold.claimed:
            guard = next((guard for guard in known if is_of(hold, guard)), None)
            if guard is None:
                return True
            known.remove(guard)
        elif hold.owner is not None and hold.owner.id in ids:
            return True
    return False


def guard_of(result: Result) -> Any:
    """The guard of a result that has keys."""
    now = result.now()
    guard = now.get("granted") or now.get("running")
    guard = None if isinstance(guard, Body) else guard
    return guard if guard is not None and (guard.held or guard.lost.is_set()) else None


def is_of(hold: Hold, guard: Any) -> bool:
    """Whether it is the lock of a guard, which may have lost keys. Locks of unrelated keys can have equal tokens."""
    names = {*map(repr, guard.keys), *map(repr, guard.shared)}
    return hold.token == guard.token and all(names & set(ends(key)) for key in (*hold.keys, *hold.shared))


def ends(key: Key | Turn) -> Iterator[str]:
    """A key, and what sub-spaces of its space may call it: its last part, and that of it."""
    yield repr(key)
    if isinstance(key, tuple) and key:
        yield from ends(key[-1])
