"""Scenario files: reading them, refusing bad ones, and the keys that they spell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from latchwork import Turn

ROOT = Path(__file__).parents[2] / "scenarios"
PASSING = ("locks", "cells", "transactions", "watch", "owners")

NAMES_VERSION = ("set", "insert", "compareExchange", "atomic")

LIMITS = {"maxWaiters": "max_waiters", "maxWaitersPerKey": "max_waiters_per_key"}

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "schema.json").read_text("utf-8")))


class Rejected(Exception):
    """The file is not a scenario."""


@dataclass(frozen=True)
class Scenario:
    """One file that was read and found well formed."""

    name: str
    requires: tuple[str, ...]
    handles: dict[str, str]
    within: dict[str, list[Any]]
    """The keys under which an actor's sub-space lies, one in the other."""
    limits: dict[str, Any]
    """Options of `open`."""
    steps: list[dict[str, Any]]
    final: dict[str, Any]
    must_fail: int | str | None


def names(folder: str) -> list[str]:
    """The files of a folder, by name."""
    return [path.stem for path in sorted((ROOT / folder).glob("*.json"))]


def load(folder: str, name: str) -> Scenario:
    """Read a file, or refuse it with `Rejected`."""
    content = json.loads((ROOT / folder / f"{name}.json").read_text("utf-8"))
    for error in SCHEMA.iter_errors(content):
        raise Rejected(f"{name}: {error.message}")
    if content["name"] != name:
        raise Rejected(f"{name}: its name is {content['name']}")
    if ("mustFail" in content) != (folder == "must-fail"):
        raise Rejected(f"{name}: mustFail is for must-fail")
    setup = content.get("setup", {})
    handles = setup.get("handles", {})
    within = setup.get("within", {})
    if within and "orders" in content:
        raise Rejected(f"{name}: sub-spaces beside orders")
    check_names(content, {*handles, *within})
    return Scenario(
        name,
        tuple(content.get("requires", ())),
        handles,
        {actor: keys(prefixes) for actor, prefixes in within.items()},
        {LIMITS[name]: limit for name, limit in setup.get("limits", {}).items()},
        content["steps"],
        content["final"],
        content.get("mustFail"),
    )


def check_names(content: dict[str, Any], set_up: set[str]) -> None:
    """Refuse steps that name an actor not listed, or a result or an owner that was not made before."""
    actors = set(content["actors"])
    if not actors.issuperset(set_up):
        raise Rejected(f"unknown actors: {set_up - actors}")
    results: set[str] = set()
    owners: set[str] = set()
    watches: set[str] = set()
    entries: set[str] = set()
    versions: set[str] = set()
    calls: set[str] = set()
    made = {"owner": owners, "watch": watches, "get": entries, **dict.fromkeys(NAMES_VERSION, versions)}

    def know(what: str, used: set[str], known: set[str]) -> None:
        if not known.issuperset(used):
            raise Rejected(f"unknown {what}: {used - known}")

    for step in content["steps"]:
        before = set(results)
        entries_before, versions_before = set(entries), versions | entries
        for inner in step.get("turn", [step]):
            if "actor" in inner and inner["actor"] not in actors:
                raise Rejected(f"unknown actor: {inner['actor']}")
            args = inner.get("args", {})
            know("results", {args[name] for name in ("guard", "result") if name in args}, before)
            know("owners", {args[name] for name in ("owner", "to") if name in args}, owners)
            know("calls", {args["tx"]} if "tx" in args else set(), calls)
            know("watches", {args["watch"]} if "watch" in args else set(), watches)
            for part in [args, *args.get("steps", ())]:
                know("results", {part["guard"]} if "guard" in part else set(), before)
                know("entries", {part["entry"]} if "entry" in part else set(), entries_before)
                know("versions", {part["version"]} - {0} if "version" in part else set(), versions_before)
            if "as" in inner:
                if inner["as"] in results | owners | watches | entries | versions:
                    raise Rejected(f"made twice: {inner['as']}")
                made.get(inner["op"], results).add(inner["as"])
                if inner["op"] in ("update", "transact"):
                    calls.add(inner["as"])
                    versions.add(inner["as"])
            know("versions", versions_in(inner.get("expect")), versions | entries)
            know("results", tokens(inner.get("expect")), results)
            know("owners", owners_in(inner.get("expect")), owners)
        know("results", set(step.get("then", {})) | tokens(step.get("then")), results)
        know("owners", owners_in(step.get("then")), owners)
        for outcome in step.get("then", {}).values():
            know("versions", versions_in(outcome), versions | entries)
    know("versions", versions_in({"entries": content["final"].get("cells", [])}), versions | entries)
    know("results", tokens(content["final"]), results)
    know("owners", owners_in(content["final"]), owners)


def versions_in(outcome: Any) -> set[str]:
    """The versions that an outcome names."""
    if not isinstance(outcome, dict):
        return set()
    conflicts = outcome.get("conflicts", [])
    seen = [outcome[name] for name in ("entry", "committed", "conflict", "done") if name in outcome]
    seen += [*outcome.get("entries", []), *(conflict["entry"] for conflict in conflicts)]
    seen += [entry for entry in [outcome.get("running", {}).get("entry")] if entry]
    error = outcome.get("error", {})
    named = [name for entry in seen for name in (entry.get("version"), *entry.get("newerThan", ()))]
    named += [conflict["expected"] for conflict in conflicts]
    named += [stale.get(name) for stale in error.get("conflicts", []) for name in ("expected", "version")]
    return {name for name in named if isinstance(name, str)}


def tokens(expected: Any) -> set[str]:
    """The results whose tokens an expectation names."""
    found: set[str] = set()
    for field, value in fields(expected):
        if field == "token" and isinstance(value, str):
            found.add(value)
        elif field == "token" and isinstance(value, dict):
            found.update(value["greaterThan"])
    return found


def owners_in(expected: Any) -> set[str]:
    """The owners that an expectation names."""
    return {value for field, value in fields(expected) if field == "owner" and isinstance(value, str)}


def fields(expected: Any) -> Iterator[tuple[str, Any]]:
    """The fields of an expectation, at any depth, but not those of a value of the caller's own."""
    if isinstance(expected, list):
        for entry in expected:
            yield from fields(entry)
    elif isinstance(expected, dict):
        for field, value in expected.items():
            yield field, value
            if field not in ("returned", "payload", "value"):
                yield from fields(value)


def key(spelling: Any) -> Any:
    """The key that a file spells."""
    if not isinstance(spelling, dict):
        return spelling
    ((kind, value),) = spelling.items()
    if kind == "turnOf":
        return Turn(key(value))
    if kind == "turnOfSpace":
        return Turn()
    if kind == "int":
        return int(value)
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "tuple":
        return tuple(key(part) for part in value)
    text: str = value[0] * value[1]
    return text


def keys(spellings: list[Any]) -> list[Any]:
    """The keys that a file spells."""
    return [key(spelling) for spelling in spellings]
