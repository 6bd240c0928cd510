"""The logging git is git to its caller."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from . import git_clock
from .truth import read_log

if TYPE_CHECKING:
    from pathlib import Path

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_cc), False])
def test_git_clock_passes_everything_through_and_logs(tmp_path: Path, compiled: bool) -> None:
    log = tmp_path / "a log.jsonl"
    git = str(git_clock.install(tmp_path / "bin", log, compiled=compiled))

    def call(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([git, *arguments], cwd=tmp_path, input=given, capture_output=True, text=True, check=False)

    assert call("init", "--quiet", "repo").returncode == 0
    digest = call("-C", "repo", "-c", "user.name=A B", "hash-object", "--stdin", given="text\n")
    assert digest.stdout == "8e27be7d6154a1f68ea9160ef0e18691d20560dc\n"
    failed = call("-C", "repo", "rev-parse", "--verify", "no such thing")
    assert failed.returncode == 128
    assert "fatal" in failed.stderr
    began = time.perf_counter()
    assert call("--version").stdout.startswith("git version")
    seen = time.perf_counter() - began

    lines = read_log(log)
    assert [line.name for line in lines] == ["git init", "git hash-object", "git rev-parse", "git "]
    assert 0 < lines[-1].seconds < seen
