"""Running one scenario file on one API."""

from __future__ import annotations

import asyncio
import time
from functools import partial, reduce
from typing import Any

import latchwork

from . import calls, file
from .calls import Outcome
from .cells import OPERATIONS, Cells
from .host import AioHost, Result
from .match import Matcher
from .match_cells import Mismatch
from .threads import BlockingHost

Host = AioHost | BlockingHost


PATIENCE = 5
"""So many seconds the runner waits for something to come of a call that nobody can look at."""


class Failed(Exception):
    """A step, or the final check, did not come to what the file says."""

    def __init__(self, step: int | str, why: Mismatch) -> None:
        super().__init__(f"step {step}: {why}")
        self.step = step


def run(scenario: file.Scenario, host: type[Host]) -> None:
    """Run it in a loop of its own; `Failed` names the step."""

    async def whole() -> None:
        await Run(scenario, host(scenario.limits)).all()

    asyncio.run(whole())


class Run:
    """One run of one file."""

    def __init__(self, scenario: file.Scenario, host: Host) -> None:
        self.scenario = scenario
        self.host = host
        self.handles: dict[str, Any] = {}
        self.spaces: dict[str, Any] = {}
        self.results: dict[str, Result] = {}
        self.owners: dict[str, Any] = {}
        self.cells = Cells(scenario.within, host.answer, lambda name: self.results[name].guard())
        self.match = Matcher(
            lambda name: int(self.results[name].guard().token),
            lambda name: str(self.owners[name].id),
            self.version,
        )
        self.called: list[Any] = []
        """What callbacks of transactions appended."""

    def version(self, name: str | int) -> int:
        """The version of a name: of a call that has committed, or of a cell."""
        if name in self.results:
            return int(self.results[str(name)].now()["done"].version)
        return self.cells.version(name)

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
            self.match.table({"held": [], "pending": []}, self.query(self.handles["first"]), "after the clean-up")

    async def step(self, step: dict[str, Any]) -> None:
        """Make the calls, settle, and compare."""
        waited = {name for name, result in self.results.items() if result.now().keys() & {"pending", "running"}}
        before = {name: next(iter(self.results[name].now())) for name in waited}
        inner = step.get("turn", [step])
        answers = [self.host.on(each.get("actor", ""), partial(self.call, each)) for each in inner]
        await self.settle()
        last = time.monotonic() + PATIENCE
        while any(result.sleeps() and any(seen.is_due() for seen in result.seen) for result in self.results.values()):
            # It is woken: nothing else shows that.
            assert await self.host.changes.more(last), "a change woke nobody"
            await self.settle()
        unseen = [result for result in self.results.values() if self.host.may_be_on_its_way(result)]
        while True:
            try:
                return self.compare(step, inner, answers, before)
            except Mismatch:
                if not unseen or not await self.host.changes.more(last):
                    raise
            await self.settle()

    async def settle(self) -> None:
        """Let everything come as far as can be seen; what comes later is told."""
        self.host.changes.look()
        await self.host.settle()

    def compare(
        self, step: dict[str, Any], inner: list[dict[str, Any]], answers: list[Outcome], before: dict[str, str]
    ) -> None:
        """What came of a step, and of all that waited."""
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
            return outcome(lambda: self.host.clock.advance(args["ms"] / 1000))
        space = self.space(step["actor"])
        tx = self.results[args["tx"]].tx if "tx" in args else None
        if op in OPERATIONS:
            came = outcome(lambda: self.cells.call(op, tx or space, step))
            if tx is not None and (read := came.get("entry") or came.get("entries")) is not None:
                again = partial(getattr(self.cells, op), space, args)
                seen = calls.Seen(lambda: self.host.answer(again()), calls.versions(read))
                self.outermost(args["tx"]).seen.append(seen)
            return came
        if op in ("abort", "retry", "onCommit"):
            came = outcome(lambda: calls.mark(op, tx, args, self.called))
            self.outermost(args["tx"]).retried |= op == "retry" and "ok" in came
            return came
        if op == "owner":
            self.owners[step["as"]] = self.owner(space, **args)
            return {"ok": {}}
        if "as" in step:
            result = self.results[step["as"]] = self.start(op, space, args)
            return result.now()
        if "result" in args or "guard" in args:
            return outcome(lambda: self.of_result(op, self.results[args.get("guard") or args["result"]], args))
        if op == "closeOwner":
            return outcome(lambda: {"count": self.host.close_owner(self.owners[args["owner"]])})
        if op == "revoke":
            return outcome(lambda: {"count": self.host.revoke(space, file.keys(args["keys"]))})
        if op == "query":
            return outcome(lambda: {"query": self.query(space, args.get("keys"))})
        assert op == "close", op
        self.cells.closed(space)
        return outcome(lambda: self.host.close(space))

    def space(self, actor: str) -> Any:
        """What an actor calls: a handle, or a sub-space of it."""
        if actor not in self.spaces:
            handle = self.handles[self.scenario.handles.get(actor, "first")]
            self.spaces[actor] = reduce(
                lambda space, key: space.within(key), self.scenario.within.get(actor, ()), handle
            )
        return self.spaces[actor]

    def owner(self, space: Any, label: str | None = None, guard: str | None = None) -> Any:
        """A new owner, or that of a scope."""
        return space.owner(label) if guard is None else self.results[guard].guard().owner

    def start(self, op: str, space: Any, args: dict[str, Any]) -> Result:
        """Make a call that has a result."""
        if op == "handedOver":
            return self.host.handed_over(self.owners[args["owner"]])
        if op in calls.CALLS:
            return self.start_call(op, space, args)
        if op == "next":
            return self.host.next(self.cells.watches[args["watch"]])
        start = {"lock": self.host.lock, "tryLock": self.host.try_lock, "withLock": self.host.with_lock}[op]
        given = options(args)
        if "owner" in args:
            given["owner"] = self.owners[args["owner"]]
        return start(space, file.keys(args["keys"]), given)

    def start_call(self, op: str, space: Any, args: dict[str, Any]) -> Result:
        """Begin an update, a transaction or a savepoint."""
        if "tx" in args:
            outer = self.results[args["tx"]]
            result = self.host.savepoint(outer.tx)
            result.outer = outer
            return result
        given = calls.options(args, lambda name: self.results[name].guard())
        if "owner" in args:
            given["owner"] = self.owners[args["owner"]]
        if op == "update":
            return self.host.update(space, file.key(args["key"]), given)
        return self.host.transact(space, given)

    def outermost(self, name: str) -> Result:
        """The transaction that a body belongs to."""
        result = self.results[name]
        while result.outer is not None:
            result = result.outer
        return result

    def of_result(self, op: str, result: Result, args: dict[str, Any]) -> Outcome:
        """Make a call on a result or on its guard."""
        if op == "end":
            result.end(args)
        elif op == "cancel":
            result.cancel()
        elif op == "drop":
            result.guard().__exit__(None, None, None)
        elif op == "handOver":
            to = self.owners[args["to"]]
            to = to.id if "by" in args else to
            return {"delivered": self.host.hand_over(result.guard(), to, args.get("payload"))}
        elif op == "downgrade":
            result.guard().downgrade(*file.keys(args.get("keys", ())))
        else:
            assert op == "release", op
            result.guard().release(*file.keys(args.get("keys", ())))
        return {"ok": {}}

    def query(self, space: Any, keys: list[Any] | None = None) -> latchwork.Query:
        """Ask a space about these keys, or about all."""
        if keys == []:
            # Python has no call for this: `query(*[])` is `query()`, which asks about all.
            return latchwork.Query([], [])
        return self.host.query(space, file.keys(keys or []))

    def final(self) -> None:
        """What is left at the end, asked of handle `first`."""
        final = self.scenario.final
        came = outcome(lambda: {"query": self.query(self.handles["first"])})
        expected = {"error": {"code": "closed"}} if "closed" in final else {"query": final}
        self.match.outcome(expected, came, "final")
        if "cells" in final:
            cells = self.host.answer(self.handles["first"].list())
            self.match.outcome({"entries": final["cells"]}, {"entries": cells}, "final: cells")
        if "callbacks" in final and final["callbacks"] != self.called:
            raise Mismatch(f"final: expected callbacks {final['callbacks']}, came {self.called}")

    async def clean_up(self) -> None:
        """Cancel what waits, end what runs, let go of what is held, close the owners, end the watches."""
        for _ in self.results:
            for result in self.results.values():
                now = result.now()
                if "running" in now:
                    result.end(
                        {"throw": "the run is over"} if isinstance(now["running"], calls.Body) else {"return": None}
                    )
                elif "granted" in now:
                    now["granted"].__exit__(None, None, None)
                elif "pending" in now and "cancel" in self.host.provides:
                    result.cancel()
            await self.host.settle()
        for owner in self.owners.values():
            self.host.close_owner(owner)
        for watched in self.cells.watches.values():
            self.cells.end(watched)
        await self.host.settle()


def options(args: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments that a step spells."""
    options: dict[str, Any] = {name: args[name] for name in ("mode", "label") if name in args}
    if "shared" in args:
        options["shared"] = file.keys(args["shared"])
    for name, option in (("timeout", "timeout"), ("maxHold", "max_hold")):
        if name in args:
            options[option] = args[name] / 1000
    return options


def outcome(call: Any) -> Outcome:
    """What a call that never waits came to."""
    try:
        answer = call()
    except latchwork.LatchworkError as error:
        return {"error": error}
    return answer if isinstance(answer, dict) else {"ok": {}}
