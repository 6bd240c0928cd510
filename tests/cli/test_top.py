"""``agent-otel top`` before it draws anything: what it needs, and what it says where that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_otel.cli import top
from agent_otel.cli.main import main

if TYPE_CHECKING:
    import pytest


def test_without_a_terminal_it_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("agent-otel: top needs a terminal")
    assert error.count("\n") == 1


def test_without_textual_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find_spec(name: str) -> None:
        assert name == "textual"

    monkeypatch.setattr(top, "find_spec", find_spec)
    assert main(["top"]) == 1
    assert capsys.readouterr().err == 'agent-otel: top needs Textual; pip install "agent-otel[tui]"\n'
