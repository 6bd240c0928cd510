"""Start records: when they come, when they go, and what a killed process leaves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan

from agent_otel.store import files
from agent_otel.store.open_spans import OpenSpans
from tests.store.conftest import Clock, lines_of, spans_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import Tracing


class Opened:
    """Open spans under a clock of their own."""

    def __init__(self, folder: Path, tracing: Tracing) -> None:
        self.clock = Clock()
        self.folder = folder
        self.open = OpenSpans(folder, "stem", files.Complaints(), self.clock.wall)
        self._tracing = tracing

    def start(self, name: str, *, root: bool = False) -> int:
        above = trace.NonRecordingSpan(trace.SpanContext(1, 1, False, trace.TraceFlags(trace.TraceFlags.SAMPLED)))
        context = Context() if root else trace.set_span_in_context(above, Context())
        span = self._tracing.tracer.start_span(name, context, start_time=self.clock.wall())
        assert isinstance(span, ReadableSpan)
        assert span.context is not None
        span_id: int = span.context.span_id
        self.open.started(span_id, span)
        return span_id

    def flush(self) -> None:
        self.open.flush(idle=self.open.idle)

    def names(self) -> list[str | None]:
        return [span.name for span in spans_in(lines_of(self.folder, "spans-*.jsonl"))]

    @property
    def path(self) -> Path:
        assert self.open.path is not None
        return self.open.path


@pytest.fixture
def opened(tmp_path: Path, tracing: Tracing) -> Opened:
    return Opened(tmp_path / "open", tracing)


def test_only_spans_open_for_a_second_are_written(opened: Opened) -> None:
    opened.start("long")
    short = opened.start("short")
    opened.flush()
    assert not opened.folder.exists()
    opened.open.ended(short)
    opened.clock.forward(1)
    opened.flush()
    assert opened.names() == ["long"]
    assert opened.path.name == "spans-stem.jsonl"
    assert (opened.folder / ".gitignore").read_text() == "*\n"


def test_the_start_of_a_run_is_written_at_once(opened: Opened) -> None:
    opened.start("call")
    opened.start("run", root=True)
    opened.flush()
    assert opened.names() == ["run"]


def test_the_file_is_emptied_when_nothing_is_open(opened: Opened) -> None:
    first, second = opened.start("first"), opened.start("second")
    opened.clock.forward(2)
    opened.flush()
    opened.open.ended(first)
    opened.flush()
    assert opened.names() == ["first", "second"]
    opened.open.ended(second)
    opened.flush()
    assert opened.path.stat().st_size == 0
    opened.start("third")
    opened.clock.forward(2)
    opened.flush()
    assert opened.names() == ["third"]


def test_a_record_stays_until_its_end_was_written(opened: Opened) -> None:
    span = opened.start("span")
    opened.clock.forward(2)
    opened.flush()
    idle = opened.open.idle
    opened.open.ended(span)
    opened.open.flush(idle=idle)
    assert opened.names() == ["span"]


def test_the_heartbeat(opened: Opened) -> None:
    opened.start("span")
    opened.clock.forward(2)
    opened.flush()
    os.utime(opened.path, (1, 1))
    opened.flush()
    assert opened.path.stat().st_mtime > 1


def test_the_lock_says_that_the_process_lives(opened: Opened) -> None:
    opened.start("span")
    opened.clock.forward(2)
    opened.flush()
    assert not files.remove_closed(opened.path)
    opened.open.close()
    assert opened.names() == ["span"]
    assert files.remove_closed(opened.path)


def test_a_clean_exit_removes_the_file(opened: Opened) -> None:
    span = opened.start("span")
    opened.clock.forward(2)
    opened.flush()
    opened.open.ended(span)
    opened.open.close()
    assert not opened.path.exists()


def test_an_exit_with_open_spans_leaves_them_the_young_too(opened: Opened) -> None:
    opened.start("young")
    opened.open.close()
    opened.flush()
    opened.open.close()
    assert opened.names() == ["young"]


def test_a_deleted_file_is_written_again(opened: Opened) -> None:
    opened.start("span")
    opened.clock.forward(2)
    opened.flush()
    opened.path.unlink()
    opened.flush()
    assert opened.names() == ["span"]


def test_a_file_full_of_ended_spans_is_rewritten(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened.open, "_compact_at", 100)
    ended = opened.start("ended")
    opened.start("open")
    opened.clock.forward(2)
    opened.flush()
    opened.open.ended(ended)
    opened.flush()
    assert opened.names() == ["open"]


def test_trouble_is_told_and_passes(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    opened.folder.write_text("in the way")
    opened.start("span")
    opened.clock.forward(2)
    opened.flush()
    opened.flush()
    assert len(caplog.messages) == 1
    opened.folder.unlink()
    opened.flush()
    assert opened.names() == ["span"]


def test_a_forked_child_leaves_the_parents_spans_and_file(opened: Opened) -> None:
    inherited = opened.start("parents")
    opened.clock.forward(2)
    opened.flush()
    parents = opened.path
    opened.open.abandon("child")
    assert opened.open.inherited(inherited)
    own = opened.start("own")
    assert not opened.open.inherited(own)
    opened.clock.forward(2)
    opened.flush()
    assert opened.path != parents
    assert sorted(map(str, opened.names())) == ["own", "parents"]
