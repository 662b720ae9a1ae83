"""Running one scenario file on one API."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import latchwork

from . import file
from .host import Host, Outcome, Result
from .match import Matcher, Mismatch


class Failed(Exception):
    """A step, or the final check, did not come to what the file says."""

    def __init__(self, step: int | str, why: Mismatch) -> None:
        super().__init__(f"step {step}: {why}")
        self.step = step


def run(scenario: file.Scenario, host: Host) -> None:
    """Run it in a loop of its own; `Failed` names the step."""
    asyncio.run(Run(scenario, host).all())


class Run:
    """One run of one file."""

    def __init__(self, scenario: file.Scenario, host: Host) -> None:
        self.scenario = scenario
        self.host = host
        self.handles: dict[str, Any] = {}
        self.results: dict[str, Result] = {}
        self.match = Matcher(lambda name: int(self.results[name].guard().token))

    async def all(self) -> None:
        """Every step, then the final check, then the clean-up."""
        for name in {"first", *self.scenario.handles.values()}:
            self.handles[name] = await self.host.open()
        try:
            for number, step in enumerate(self.scenario.steps):
                try:
                    await self.step(step)
                except Mismatch as why:
                    raise Failed(number, why) from None
            try:
                self.final()
            except Mismatch as why:
                raise Failed("final", why) from None
        finally:
            await self.clean_up()
            self.host.finish()
        if "closed" not in self.scenario.final:
            self.match.table({"held": [], "pending": []}, self.query("first"), "after the clean-up")

    async def step(self, step: dict[str, Any]) -> None:
        """Make the calls, settle, and compare."""
        waited = {name for name, result in self.results.items() if result.now().keys() & {"pending", "running"}}
        before = {name: next(iter(self.results[name].now())) for name in waited}
        inner = step.get("turn", [step])
        answers = [self.host.on(each.get("actor", ""), partial(self.call, each)) for each in inner]
        await self.host.settle()
        for each, answer in zip(inner, answers, strict=True):
            result = self.results.get(each.get("as", ""))
            in_turn = "turn" in step
            now = answer if result is None or in_turn else result.now()
            self.match.outcome(each.get("expect", "ok"), now, each["op"])
        then = step.get("then", {})
        for name, expected in then.items():
            self.match.outcome(expected, self.results[name].now(), name)
        for name, kind in before.items():
            if name not in then and kind not in (now := self.results[name].now()):
                raise Mismatch(f"{name}: expected to be still {kind}, came {now}")

    def call(self, step: dict[str, Any]) -> Outcome:
        """Make the call of one step. The answer of one that may wait is looked at later."""
        op, args = step["op"], step.get("args", {})
        if op == "advance":
            self.host.clock.advance(args["ms"] / 1000)
            return {"ok": {}}
        handle = self.scenario.handles.get(step["actor"], "first")
        if op in ("lock", "tryLock", "withLock"):
            start = {"lock": self.host.lock, "tryLock": self.host.try_lock, "withLock": self.host.with_lock}[op]
            result = start(self.handles[handle], file.keys(args["keys"]), options(args))
            self.results[step["as"]] = result
            return result.now()
        if op == "query":
            return outcome(lambda: {"query": self.query(handle, args.get("keys"))})
        if op == "close":
            return outcome(lambda: self.host.close(self.handles[handle]))
        result = self.results[args.get("guard") or args["result"]]
        if op == "end":
            return outcome(lambda: result.end(args))
        if op == "cancel":
            return outcome(lambda: result.cancel())
        if op == "drop":
            return outcome(lambda: result.guard().__exit__(None, None, None))
        return outcome(lambda: result.guard().release())

    def query(self, handle: str, keys: list[Any] | None = None) -> latchwork.Query:
        """Ask a handle about these keys, or about all."""
        if keys == []:
            # Python has no call for this: `query(*[])` is `query()`, which asks about all.
            return latchwork.Query([], [])
        return self.host.query(self.handles[handle], file.keys(keys or []))

    def final(self) -> None:
        """What is left at the end, asked of handle `first`."""
        final = self.scenario.final
        came = outcome(lambda: {"query": self.query("first")})
        expected = {"error": {"code": "closed"}} if "closed" in final else {"query": final}
        self.match.outcome(expected, came, "final")

    async def clean_up(self) -> None:
        """Cancel what waits, end what runs, let go of what is held."""
        for _ in self.results:
            for result in self.results.values():
                now = result.now()
                if "running" in now:
                    result.end({"return": None})
                elif "granted" in now:
                    now["granted"].__exit__(None, None, None)
                elif "pending" in now and "cancel" in self.host.provides:
                    result.cancel()
            await self.host.settle()


def options(args: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments that a step spells."""
    options: dict[str, Any] = {name: args[name] for name in ("mode", "label") if name in args}
    if "shared" in args:
        options["shared"] = file.keys(args["shared"])
    if "timeout" in args:
        options["timeout"] = args["timeout"] / 1000
    return options


def outcome(call: Any) -> Outcome:
    """What a call that never waits came to."""
    try:
        answer = call()
    except latchwork.LatchworkError as error:
        return {"error": error}
    return answer if isinstance(answer, dict) else {"ok": {}}
