"""Scripts in an interpreter of their own: what cannot be tried in that of the tests."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def child(code: str) -> subprocess.CompletedProcess[str]:
    """Run a script."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def fine(code: str) -> None:
    """Run a script that says that all is fine at its end."""
    answer = child(code)
    assert (answer.returncode, answer.stdout.strip()) == (0, "fine"), answer.stderr
