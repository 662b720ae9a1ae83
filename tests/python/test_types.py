"""The types: the package under strict mypy, the stubs against the compiled module, and what users write."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import latchwork
import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "bindings-python" / "pyproject.toml"
PACKAGE = Path(latchwork.__file__).parent


def mypy(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a part of mypy with the settings of the package."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)


def test_package_is_typed() -> None:
    """Strictly, and it says so."""
    assert (PACKAGE / "py.typed").exists()
    answer = mypy("mypy", "--config-file", str(CONFIG), "-p", "latchwork")
    assert answer.returncode == 0, answer.stdout


def test_stubs_match_the_compiled_module(tmp_path: Path) -> None:
    """Names, signatures and defaults of `_native.pyi`."""
    # At run time a call of `lock` and its guard are one class; the types keep what belongs to the call from the guard.
    hidden = tmp_path / "hidden"
    hidden.write_text("latchwork\\._native\\.AioGuard\\.(send|throw|__await__|__iter__|__next__)\n")
    options = ["--mypy-config-file", str(CONFIG), "--allowlist", str(hidden), "--ignore-unused-allowlist"]
    answer = mypy("mypy.stubtest", *options, "latchwork._native")
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ('latchwork.open().lock("a", ("user", 7), b"x", True, timeout=1).keys', None),
        ('latchwork.open().lock("a").space.with_lock("b", fn=print)', None),
        ("latchwork.open().lock(1.5)", "arg-type"),
        ("latchwork.open().lock(None)", "arg-type"),
        ('latchwork.open().lock(["a", "b"])', "arg-type"),
        ('latchwork.open().lock("a", mode="write")', "arg-type"),
        ('latchwork.open().lock("a", timeout="1")', "arg-type"),
        ('latchwork.open().try_lock("a").release()', "union-attr"),
        ('x: int = latchwork.open().with_lock("a", fn=lambda guard: guard.token)', None),
        ('x: str = latchwork.open().with_lock("a", fn=lambda guard: guard.token)', "assignment"),
        ('latchwork.open().update("a", lambda value, entry: latchwork.KEEP, expire_in=None).changed', None),
        ('latchwork.open().update("a", lambda value, entry: entry.version, expire_in=latchwork.KEEP)', None),
        ('latchwork.open().update("a", lambda value: 1)', "arg-type"),
        ('latchwork.open().update("a", lambda value, entry: 1, expire_in="1")', "arg-type"),
        ('x: int = latchwork.open().transact(lambda tx: tx.get("a").version).value', None),
        ('x: str = latchwork.open().transact(lambda tx: tx.get("a").version).value', "assignment"),
        ("x: latchwork.Committed[int] = latchwork.open().transact(lambda tx: tx.attempt)", None),
    ],
)
def test_what_users_write(code: str, error: str | None, tmp_path: Path) -> None:
    """Right calls pass, wrong ones do not."""
    check("import latchwork\n" + code, error, tmp_path)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ('async with space.lock("a", shared=["b"]) as guard: print(guard.token + 1)', None),
        ('guard: latchwork.aio.Guard = await space.lock("a")', None),
        ("task = asyncio.create_task(space.lock('a')); (await task).release()", None),
        ("guard = await asyncio.wait_for(space.lock('a'), 1); guard.release()", None),
        ('with space.lock("a"): pass', "attr-defined"),
        ('space.lock("a").release()', "attr-defined"),
        ('x: int = await space.with_lock("a", fn=body)', None),
        ('x: str = await space.with_lock("a", fn=body)', "arg-type"),
        ("x: int = (await space.transact(move)).value", None),
        ("x: str = (await space.transact(move)).value", "assignment"),
        ("x: int = (await space.transact(lambda tx: tx.attempt)).value", None),
        ("(await space.update('a', lambda value, entry: entry.version)).attempts", None),
    ],
)
def test_what_users_of_aio_write(code: str, error: str | None, tmp_path: Path) -> None:
    """The same for asyncio."""
    program = """
        import asyncio, latchwork.aio
        async def body(guard: latchwork.aio.Guard) -> int: return guard.token
        async def move(tx: latchwork.aio.Transaction) -> int:
            entry = await tx.get("a")
            await tx.transact(inside)
            return entry.version
        async def inside(tx: latchwork.aio.Transaction) -> None: await tx.set("b", 1, expire_in=None)
        async def main() -> None:
            space = await latchwork.aio.open()
            {}
    """
    check(textwrap.dedent(program).format(code), error, tmp_path)


def check(program: str, error: str | None, folder: Path) -> None:
    """Whether mypy accepts a program, or names this error."""
    path = folder / "program.py"
    path.write_text(program, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.10", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert (answer.returncode == 0) == (error is None), answer.stdout
    if error:
        assert f"[{error}]" in answer.stdout
