"""Every scenario file, on both APIs and in several loops, and the files that must fail or be refused."""

from __future__ import annotations

import json

import pytest

from scenario import file
from scenario.host import AioHost
from scenario.loops import LoopsHost
from scenario.run import Failed, Host, run
from scenario.threads import BlockingHost

HOSTS: list[type[Host]] = [AioHost, BlockingHost, LoopsHost]
FILES = [(folder, name) for folder in file.PASSING for name in file.names(folder)]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_all_files_pass(host: type[Host], capsys: pytest.CaptureFixture[str]) -> None:
    """Run all of them, say how many were run, and name each that was not."""
    failed: list[str] = []
    skipped: list[str] = []
    count = 0
    for folder, name in FILES:
        scenario = file.load(folder, name)
        missing = [need for need in scenario.requires if need not in host.provides]
        if missing:
            skipped.append(f"skipped host={host.name} scenario={folder}/{name} requires={','.join(missing)}")
            continue
        count += 1
        try:
            run(scenario, host)
        except Failed as why:
            failed.append(f"{folder}/{name}: {why}")
    with capsys.disabled():
        print()
        for line in skipped:
            print(line)
        print(f"scenarios host={host.name} run={count} skipped={len(skipped)}")
    assert not failed, "\n".join(failed)
    assert count > 0


def test_index_lists_the_files() -> None:
    """A file that nobody runs, or an entry without a file, would go unseen."""
    index = json.loads((file.ROOT / "index.generated.json").read_text("utf-8"))
    for folder, entry in index["folders"].items():
        assert entry["files"] == [f"{name}.json" for name in file.names(folder)]
    assert set(index["folders"]) >= {folder for folder, _ in FILES} | {"must-fail", "must-reject"}


MUST_FAIL = [
    pytest.param(host, name, id=f"{name}-{host.name}")
    for name in file.names("must-fail")
    for host in HOSTS
    if host.provides.issuperset(file.load("must-fail", name).requires)
]


@pytest.mark.parametrize(("host", "name"), MUST_FAIL)
def test_must_fail(host: type[Host], name: str) -> None:
    """The runner sees the fault, and at the very step that has it."""
    scenario = file.load("must-fail", name)
    with pytest.raises(Failed) as failed:
        run(scenario, host)
    assert failed.value.step == scenario.must_fail


@pytest.mark.parametrize("name", file.names("must-reject"))
def test_must_reject(name: str) -> None:
    """The file is refused before any step runs."""
    with pytest.raises(file.Rejected):
        file.load("must-reject", name)
