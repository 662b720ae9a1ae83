"""The case `document`: many users press "duplicate page" in one questionnaire at the same time."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

from latchwork import Space

from ..documents import QUESTIONNAIRE, Store
from ..report import Count, lost_updates, say, say_outcome
from .handlers import DuplicatePage, with_latchwork, without_latchwork
from .service import running

REQUESTS = 200
AT_ONCE = 50
NAME = "stay"


def duplicate_page_case(host: str, store: Store, space: Space) -> None:
    """Run the case, first without Latchwork, then with it."""
    say(f'{REQUESTS} requests "duplicate page" for one questionnaire, {AT_ONCE} at once')
    without = run("without Latchwork", store, without_latchwork(store))
    locked = run("with Latchwork   ", store, with_latchwork(store, space))
    say_outcome(host, "document", REQUESTS, without, locked)


def run(title: str, store: Store, duplicate_page: DuplicatePage) -> Count:
    """Serve the handler, send the requests, count the pages."""
    store.save(NAME, json.loads(QUESTIONNAIRE.read_bytes()))
    with running(duplicate_page) as address:
        start = time.perf_counter()
        answers, stuck = send_many(address, f"/documents/{NAME}/pages/0/duplicate")
        seconds = time.perf_counter() - start
    pages = len(store.load(NAME)["pages"])
    lost = lost_updates(REQUESTS, pages, answers)
    say(f"  {title}: {pages} of {REQUESTS + 1} pages are there, {lost} updates lost")
    return Count(lost, stuck, len(answers) / seconds)


def send_many(address: tuple[str, int], path: str) -> tuple[list[int], int]:
    """Send the requests from `AT_ONCE` threads: the answers, and how many got none in time."""
    share = REQUESTS // AT_ONCE

    def send(_sender: int) -> list[int]:
        connection = HTTPConnection(*address, timeout=30)
        answers: list[int] = []
        try:
            for _ in range(share):
                connection.request("POST", path, headers={"Content-Length": "0"})
                response = connection.getresponse()
                body = json.loads(response.read())
                if response.status != 200:
                    raise RuntimeError(f"status={response.status} {body}")
                answers.append(body["pages"])
        except TimeoutError:
            pass
        finally:
            connection.close()
        return answers

    with ThreadPoolExecutor(AT_ONCE) as senders:
        answers = [answer for share in senders.map(send, range(AT_ONCE)) for answer in share]
    return answers, REQUESTS - len(answers)
