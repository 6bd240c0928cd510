"""The registry: what is instrumented when, and what is left alone."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent_otel.capture.patch import Patches
from agent_otel.libs import process, registry
from tests.conftest import attributes
from tests.libs.processes import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Recording


@pytest.mark.parametrize("library", registry.LIBRARIES, ids=lambda library: library.name)
def test_every_library_has_a_file_with_targets_and_versions(library: registry.Library) -> None:
    assert library.load().TARGETS
    assert bool(library.requires()) == (library.distribution is not None)
    assert library.conflict() is None
    assert (library.version() is None) == (library.distribution is None)


def test_a_library_that_does_not_fit_is_told_and_left_alone(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from openai.resources.chat.completions import Completions

    from agent_otel.libs import openai

    monkeypatch.setattr(openai, "REQUIRES", ("openai < 1",))
    before = Completions.__dict__["create"]
    patches = Patches()
    with caplog.at_level(logging.WARNING):
        registry.install(recording.capture, patches, frozenset({"langgraph", "process", "threads"}))
    assert Completions.__dict__["create"] is before
    assert "openai is not recorded" in caplog.text
    patches.undo()


def test_nothing_is_loaded_before_the_library_is_imported(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = registry.Library("absent", "a_library_that_is_not_imported", "absent")
    monkeypatch.setattr(registry, "LIBRARIES", (absent,))
    patches = Patches()
    registry.install(recording.capture, patches, frozenset())
    assert "agent_otel.libs.absent" not in sys.modules
    assert absent.version() is None
    patches.undo()


@pytest.mark.parametrize(
    ("disabled", "recorded"), [("git", {"claude"}), ("agent_cli", {"git"}), ("process", set[str]())]
)
def test_git_and_clis_are_switched_off_one_by_one(
    recording: Recording, tools: Path, repository: Path, disabled: str, recorded: set[str]
) -> None:
    patches = Patches()
    registry.install(recording.capture, patches, frozenset({disabled}))
    subprocess.run(["git", "status"], cwd=repository, capture_output=True, check=True)
    subprocess.run([str(write(tools / "claude", "#!/bin/sh\n"))], check=True)
    patches.undo()
    process.enable({"git", "agent_cli"})
    assert {attributes(span)["process.executable.name"] for span in recording.spans} == recorded
