"""What a case counted, and how it is told to people and to the task runner."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass
class Count:
    """What became of the requests of one run. `None` where a number does not apply."""

    lost: int | None
    stuck: int
    per_second: float | None


def lost_updates(count: int, pages: int, answers: list[int]) -> int:
    """How many of `count` updates were lost: their page is not there, or their answer was another's too."""
    return max(count + 1 - pages, len(answers) - len(set(answers)))


def say(line: str) -> None:
    """Print a line at once, also where the output is a pipe."""
    print(line, flush=True)


def say_outcome(host: str, case: str, requests: int, without: Count, locked: Count) -> None:
    """Print the line that the task runner reads."""
    outcome = {
        "host": host,
        "case": case,
        "requests": requests,
        "lost_without": without.lost,
        "lost_with": locked.lost,
        "stuck_without": without.stuck,
        "stuck_with": locked.stuck,
        "rps_without": without.per_second,
        "rps_with": locked.per_second,
    }
    say(json.dumps(outcome))
