"""What takes a while shows a bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

import io
import sys
import time

import pytest

from agent_otel.cli.store import Progress, working


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def replaced(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A new stream in place of stderr."""
    made = kind()
    monkeypatch.setattr(sys, "stderr", made)
    return made


STREAMS = pytest.mark.parametrize("kind", [Terminal, io.StringIO])


@STREAMS
def test_work_without_a_measure(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = replaced(kind, monkeypatch)
    monkeypatch.setattr("agent_otel.cli.store.PATIENCE", 0.0)
    with working("adding up"):
        deadline = time.monotonic() + 5
        while stream.isatty() and "adding up" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert ("adding up" in stream.getvalue()) is stream.isatty()


@STREAMS
def test_work_that_is_quickly_done_shows_nothing(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = replaced(kind, monkeypatch)
    with working("adding up"):
        pass
    assert stream.getvalue() == ""


@STREAMS
def test_the_bar_of_one_pass_makes_room_for_that_of_the_next(
    kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = replaced(kind, monkeypatch)
    monkeypatch.setattr("agent_otel.cli.store.PATIENCE", 0.0)
    monkeypatch.setattr("agent_otel.cli.store.REDRAW_SECONDS", 0.0)
    with Progress() as progress:
        for done in (10, 50, 100):
            progress(done, 100)
        for done in (1, 4):
            progress(done, 4)
    assert ("25%" in stream.getvalue()) is stream.isatty()
    assert ("50%" in stream.getvalue()) is stream.isatty()
