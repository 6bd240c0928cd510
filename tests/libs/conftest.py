"""Fixtures for tests with real processes."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from agent_otel.capture.patch import Patches
from agent_otel.libs import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Recording


@pytest.fixture
def processes(recording: Recording) -> Iterator[None]:
    """The process library, installed; afterwards nothing of it may be left."""
    patches = Patches()
    originals = dict(vars(subprocess.Popen))
    patches.install(recording.capture, process.TARGETS, "process")
    yield
    patches.undo()
    assert {name: value for name, value in vars(subprocess.Popen).items() if originals.get(name) is not value} == {}
    assert not process.children
    assert not recording.capture.open


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    with suppress_instrumentation():
        for line in ("init -q -b main", "config user.name n", "config user.email n@e"):
            subprocess.run(["git", *line.split()], cwd=folder, check=True)
        subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "first"], cwd=folder, check=True)
    return folder


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder
