"""What the demo counts with; its runs are checked by `cargo xtask demo`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from questionnaire import bank
from questionnaire.accounts import check, new_account, pay
from questionnaire.documents import QUESTIONNAIRE, Store, insert_copy
from questionnaire.report import lost_updates


def test_a_copy_stands_behind_its_page_with_a_name_of_its_own() -> None:
    document = json.loads(QUESTIONNAIRE.read_bytes())
    insert_copy(document, 0)
    insert_copy(document, 0)
    assert [page["id"] for page in document["pages"]] == ["page-1", "page-3", "page-2"]
    assert document["pages"][1]["questions"] == document["pages"][0]["questions"]
    with pytest.raises(IndexError):
        insert_copy(document, 3)


def test_what_was_saved_last_is_loaded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save("a", {"n": 1})
    store.save("a", {"n": 2})
    assert store.load("a") == {"n": 2}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_an_update_is_lost_with_its_page_or_with_its_answer() -> None:
    assert lost_updates(3, 4, [2, 3, 4]) == 0
    assert lost_updates(3, 2, [2, 2, 2]) == 2
    assert lost_updates(3, 4, [2, 3, 3]) == 1
    assert lost_updates(3, 3, [2, 3, 4]) == 1


def test_the_books_are_checked() -> None:
    anna, ben = new_account(), new_account()
    pay(anna, ben)
    assert check([anna, ben]) == 1
    with pytest.raises(AssertionError, match="money"):
        check([anna, anna])


def test_an_audit_or_an_account_is_wrong() -> None:
    right = bank.expected()
    total = bank.BALANCE * len(bank.ACCOUNTS)
    assert sum(right.values()) == total
    assert bank.wrong([total, total], right) == 0
    assert bank.wrong([total, total - 1], right) == 1
    assert bank.wrong([], {**right, bank.ACCOUNTS[0]: right[bank.ACCOUNTS[0]] + 1}) == 1
