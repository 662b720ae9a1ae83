"""The checkers of histories: right ones pass, and those that were corrupted are rejected, each for its fault."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from history.cell import Operation, is_linearisable
from history.transactions import Committed, fault

CHAIN = [Operation(10 * step, 10 * step + 5, step, step + 1) for step in range(20)]
"""Twenty updates, one after the other."""


def test_one_after_the_other() -> None:
    """Also with reads in between, and with calls that last longer."""
    assert is_linearisable([], 0)
    assert is_linearisable(CHAIN, 0)
    reads = [Operation(10 * step + 6, 10 * step + 9, step + 1) for step in range(20)]
    assert is_linearisable([*CHAIN, *reads], 0)
    long = [replace(each, began=0, ended=1000) for each in CHAIN]
    random.Random(1).shuffle(long)
    assert is_linearisable([*long, Operation(0, 1000, 7)], 0)


@pytest.mark.parametrize(
    "corrupted",
    [
        pytest.param([*CHAIN[:5], replace(CHAIN[5], seen=4), *CHAIN[6:]], id="lost update"),
        pytest.param([*CHAIN, Operation(500, 501, 3)], id="stale read"),
        pytest.param([*CHAIN, Operation(0, 1, 20)], id="read of what is yet to come"),
        pytest.param([*CHAIN, Operation(500, 501, 99)], id="read of what nobody wrote"),
        pytest.param([*CHAIN[:5], *CHAIN[6:]], id="update that was forgotten"),
        pytest.param([replace(CHAIN[0], began=30, ended=35), *CHAIN[1:]], id="against the time"),
        pytest.param([*CHAIN, Operation(41, 42, 7), Operation(43, 44, 5)], id="reads that go back"),
    ],
)
def test_corrupted_histories_of_a_cell(corrupted: list[Operation]) -> None:
    """None of them can be."""
    assert not is_linearisable(corrupted, 0)


def test_a_search_agrees_with_trying_all_orders() -> None:
    """On small histories, right and wrong ones."""
    import itertools

    def slow(operations: list[Operation], start: int) -> bool:
        for order in itertools.permutations(operations):
            held = start
            for place, operation in enumerate(order):
                if operation.seen != held or any(later.ended < operation.began for later in order[place:]):
                    break
                held = held if operation.written is None else operation.written
            else:
                return True
        return False

    chance = random.Random(2)
    answers = set()
    for _ in range(500):
        operations = []
        for number in range(chance.randint(1, 5)):
            began = chance.randint(0, 6)
            written = number + 1 if chance.random() < 0.6 else None
            operations.append(Operation(began, began + chance.randint(0, 4), chance.randint(0, 3), written))
        answer = is_linearisable(operations, 0)
        assert answer == slow(operations, 0), operations
        answers.add(answer)
    assert answers == {True, False}


START = {"a": 0, "b": 0}
SERIAL = [
    Committed(0, 10, {"a": 0}, {"a": 1}),
    Committed(5, 20, {"a": 1, "b": 0}, {"b": 2}),
    Committed(15, 30, {"a": 1, "b": 2}, {"a": 3, "b": 4}),
    Committed(31, 40, {"a": 3, "b": 4}),
]


def test_serial_transactions() -> None:
    """In whichever order they were noted."""
    assert fault([], START) is None
    assert fault(SERIAL, START) is None
    assert fault(SERIAL[::-1], START) is None


@pytest.mark.parametrize(
    ("corrupted", "expected"),
    [
        pytest.param(
            [Committed(0, 9, {"a": 0}, {"a": 1}), Committed(0, 9, {"a": 0}, {"a": 2})], "lost update", id="lost"
        ),
        pytest.param([Committed(0, 9, {"a": 7})], "nowhere", id="aborted read"),
        pytest.param(
            [Committed(0, 9, {"a": 0, "b": 0}, {"a": 1}), Committed(0, 9, {"a": 0, "b": 0}, {"b": 2})],
            "circle",
            id="write skew",
        ),
        pytest.param(
            [Committed(0, 9, {"a": 0, "b": 0}, {"a": 1, "b": 2}), Committed(0, 9, {"a": 1, "b": 0})],
            "circle",
            id="read skew",
        ),
        pytest.param(
            [
                Committed(0, 9, {"a": 0}, {"a": 1}),
                Committed(0, 9, {"b": 0}, {"b": 2}),
                Committed(0, 9, {"a": 1, "b": 0}),
                Committed(0, 9, {"a": 0, "b": 2}),
            ],
            "circle",
            id="two readers that disagree",
        ),
        pytest.param(
            [
                Committed(0, 9, {"a": 0, "b": 2}, {"a": 1}),
                Committed(0, 9, {"b": 0, "a": 1}, {"b": 2}),
            ],
            "circle",
            id="circular information flow",
        ),
        pytest.param([Committed(0, 9, {"a": 0}, {"a": 1}), Committed(10, 19, {"a": 0})], "circle", id="stale read"),
    ],
)
def test_corrupted_histories_of_transactions(corrupted: list[Committed], expected: str) -> None:
    """None of them can be, and the fault is named."""
    assert expected in str(fault(corrupted, START))


def test_every_corruption_of_a_read_is_found() -> None:
    """Each read of a long serial history, changed to each other value of its cell."""
    chance = random.Random(3)
    held = {"a": 0, "b": 0, "c": 0}
    history: list[Committed] = []
    values: dict[str, list[int]] = {key: [0] for key in held}
    for number in range(1, 40):
        keys = chance.sample(sorted(held), 2)
        reads = {key: held[key] for key in keys}
        writes = {keys[0]: number * 10} if number % 3 else {}
        history.append(Committed(number * 10, number * 10 + 5, reads, writes))
        held.update(writes)
        for key, value in writes.items():
            values[key].append(value)
    assert fault(history, {"a": 0, "b": 0, "c": 0}) is None
    for number, transaction in enumerate(history):
        for key, value in transaction.reads.items():
            for wrong in [*values[key], -1]:
                if wrong == value:
                    continue
                reads = {**transaction.reads, key: wrong}
                corrupted = [*history[:number], replace(transaction, reads=reads), *history[number + 1 :]]
                assert fault(corrupted, {"a": 0, "b": 0, "c": 0}) is not None
