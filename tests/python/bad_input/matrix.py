"""Runs the cases of an operation and tells what went wrong."""

from __future__ import annotations

import re
from typing import Any

import latchwork

from .stage import Stage
from .table import Case, Operation

LONGEST_MESSAGE = 2500
"""Messages do not repeat what they were given, at most an address."""


async def run(stage: Stage, operation: Operation) -> tuple[int, list[str]]:
    """Run every case: how many there were, and what failed."""
    failures: list[str] = []
    await stage.open()
    count = 0
    for case in operation.cases:
        count += 1
        await attempt(stage, case, {}, failures)
    for receiver, code in operation.receivers.items():
        for call in operation.calls:
            count += 1
            case = Case(call.call, receiver, code, None, call.given)
            await attempt(stage, case, await stage.receiver(receiver), failures)
    await stage.close()
    return count, failures


async def attempt(stage: Stage, case: Case, words: dict[str, Any], failures: list[str]) -> None:
    """Make one call and look at what it did."""
    before = await stage.seen()
    given = {name: stage.evaluate(text, {}) for name, text in case.given.items()}
    why = None
    try:
        value = await stage.call(case.call, {**given, **words})
    except Exception as error:
        why = refusal(error, case)
    else:
        # Also where it should have been refused: what it took would stand in the way of the cases after it.
        await stage.give_back(value)
        if case.code != "accepted":
            why = f"accepted, with {type(value).__name__}"
    after = await stage.seen()
    if why is None and case.code != "accepted" and after != before:
        why = f"it changed {before} to {after}"
    try:
        await stage.works()
    except (AssertionError, latchwork.LatchworkError) as error:
        why = f"{why}; the space does not work any more: {error!r}"
    if why is not None:
        failures.append(f"{case.call} with {case.value} {str(case.given)[:200]}: {why}")


def refusal(error: Exception, case: Case) -> str | None:
    """What is wrong with an exception; nothing where it is the right one."""
    message = str(error)
    shown = f"{type(error).__name__}: {message[:300]}"
    if case.code == "accepted":
        return f"refused: {shown}"
    if case.code in ("language", "TypeError"):
        own = (TypeError, AttributeError) if case.code == "language" else TypeError
        fits = isinstance(error, own) and not isinstance(error, latchwork.LatchworkError)
        return None if fits else f"not an exception of the language: {shown}"
    if not isinstance(error, latchwork.LatchworkError):
        return f"not a LatchworkError: {shown}"
    if error.code != case.code:
        return f"the code is {error.code}: {shown}"
    if not message[:1].islower():
        return f"the message is not lower-case: {shown}"
    if len(message) > LONGEST_MESSAGE:
        return f"a message of {len(message)} characters"
    return wrong_name(error, message, case) if isinstance(error, latchwork.Invalid) else None


def wrong_name(error: latchwork.Invalid, message: str, case: Case) -> str | None:
    """What is wrong with what an `Invalid` says."""
    if not isinstance(error, (TypeError, ValueError)):
        return f"neither a TypeError nor a ValueError: {message}"
    if not error.what or not error.why or error.what not in message or error.why not in message:
        return f"the message does not say what and why: {message}"
    # The middle of a long path is left out.
    path = r"(\[\d+\])*(\[?…\]?(\[\d+\])*)?"
    if case.what is None or re.fullmatch(re.escape(case.what) + path, error.what):
        return None
    return f"it names {error.what}, not {case.what}"
