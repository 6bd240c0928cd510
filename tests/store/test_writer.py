"""The writer's steps, under a clock that the test moves."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent_otel import semconv
from agent_otel.signals.finished import Finished
from agent_otel.store.writer import QUEUE_FULL, WRITE_FAILED, StoreWriter
from tests.store.conftest import Clock, stored_spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent_otel.settings import Settings
    from tests.store.conftest import Tracing


class Counted:
    """What the store says of itself."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, int, str | None]] = []
        self.bytes = 0

    def processed(self, spans: int, error_type: str | None) -> None:
        self.spans.append(("processed", spans, error_type))

    def exported(self, spans: int, error_type: str | None) -> None:
        self.spans.append(("exported", spans, error_type))

    def written(self, length: int) -> None:
        self.bytes += length


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(settings: Settings, clock: Clock) -> Iterator[StoreWriter]:
    """A writer without its thread: tests step it."""
    made = StoreWriter(settings, clock=clock.now, wall=clock.wall, threaded=False)
    made.counts = Counted()
    yield made
    made.shutdown()


def finished(end: int) -> Finished:
    return Finished(semconv.INVOKE_AGENT, "a", end - 1, end, {}, "ok", None, "f", None, 0, 0, None)


def records(settings: Settings) -> int:
    return len(json.loads((settings.directory / "agent-performance.json").read_text()))


def test_a_step_writes_spans_and_makes_the_record_file(
    writer: StoreWriter, settings: Settings, tracing: Tracing
) -> None:
    writer.add(tracing.span("one"))
    writer.add(tracing.span("two"))
    writer.step()
    assert [span.name for span in stored_spans(settings.directory)] == ["one", "two"]
    assert (settings.directory / "agent-performance.json").read_text() == "[]"
    assert isinstance(writer.counts, Counted)
    assert writer.counts.spans == [("exported", 2, None), ("processed", 2, None)]
    (path,) = (settings.directory / "otlp").glob("*.jsonl")
    assert writer.counts.bytes == path.stat().st_size


def test_records_are_written_at_most_once_a_second(writer: StoreWriter, settings: Settings, clock: Clock) -> None:
    writer.add_finished(finished(1))
    writer.step()
    assert records(settings) == 1
    writer.add_finished(finished(2))
    clock.forward(0.9)
    writer.step()
    assert records(settings) == 1
    clock.forward(0.1)
    writer.step()
    assert records(settings) == 2
    writer.add_finished(finished(3))
    assert writer.force_flush()
    assert records(settings) == 3


def test_metrics_are_collected_once_a_second(writer: StoreWriter, clock: Clock) -> None:
    collected: list[float] = []
    writer.collect = lambda: collected.append(clock.seconds)
    for _ in range(5):
        writer.step()
        clock.forward(0.5)
    assert collected == [100.0, 101.0, 102.0]


def test_drops_are_counted(settings: Settings, tracing: Tracing) -> None:
    small = StoreWriter(replace(settings, queue_spans=2), threaded=False)
    counts = small.counts = Counted()
    for _ in range(5):
        small.add(tracing.span())
    small.step()
    assert ("processed", 3, QUEUE_FULL) in counts.spans
    assert ("exported", 2, None) in counts.spans
    small.shutdown()


def test_spans_after_shutdown_are_counted_as_dropped(
    writer: StoreWriter, settings: Settings, tracing: Tracing, caplog: pytest.LogCaptureFixture
) -> None:
    assert writer.shutdown()
    writer.add(tracing.span())
    writer.add_finished(finished(1))
    writer.step()
    assert stored_spans(settings.directory) == []
    assert isinstance(writer.counts, Counted)
    assert writer.counts.spans == [("processed", 1, QUEUE_FULL)]
    assert caplog.messages == []


def test_spans_during_the_interpreters_exit_are_written_at_once(settings: Settings, tracing: Tracing) -> None:
    writer = StoreWriter(settings)
    writer.shutdown(inline=True)
    writer.add(tracing.span("late"))
    assert [span.name for span in stored_spans(settings.directory)] == ["late"]


def test_a_full_disk_and_its_end(
    writer: StoreWriter, settings: Settings, tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    writer.step()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        writer.add(tracing.span("waits"))
        assert not writer.force_flush()
    assert writer.force_flush()
    assert [span.name for span in stored_spans(settings.directory)] == ["waits"]


def test_what_is_given_up_is_counted(writer: StoreWriter, tracing: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EACCES, "refused")

    monkeypatch.setattr("agent_otel.store.segments.BACKLOG_BYTES", 10)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        writer.add(tracing.span())
        writer.step()
    assert isinstance(writer.counts, Counted)
    assert ("exported", 1, WRITE_FAILED) in writer.counts.spans


def test_flushing_within_a_step_does_not_wait_for_itself(writer: StoreWriter) -> None:
    flushed: list[bool] = []
    writer.collect = lambda: flushed.append(writer.force_flush())
    writer.step()
    assert flushed == [False]


def test_flushing_gives_up_in_time(writer: StoreWriter) -> None:
    assert writer.enter()
    with ThreadPoolExecutor() as pool:
        assert not pool.submit(writer.force_flush, 1).result()
    writer.leave()


def test_old_segments_are_pruned(settings: Settings, tracing: Tracing) -> None:
    writer = StoreWriter(replace(settings, segment_bytes=1, budget_bytes=1500), threaded=False)
    for number in range(10):
        writer.add(tracing.span(str(number)))
        writer.step()
    names = {span.name for span in stored_spans(settings.directory)}
    assert "9" in names
    assert "0" not in names
    assert sum(path.stat().st_size for path in (settings.directory / "otlp").glob("*.jsonl")) <= 1500
    writer.shutdown()


def test_an_open_span_shows_and_goes(writer: StoreWriter, settings: Settings, tracing: Tracing, clock: Clock) -> None:
    span = tracing.span("long")
    writer.open_spans.started(5, span)
    clock.seconds = 1e9
    writer.step()
    folder: Path = settings.directory / "open"
    (path,) = folder.glob("spans-*.jsonl")
    (segment_stem, _) = path.name.removeprefix("spans-").split(".")
    assert b'"name":"long"' in path.read_bytes()
    writer.add(span)
    writer.open_spans.ended(5)
    writer.step()
    writer.step()
    assert path.stat().st_size == 0
    assert (settings.directory / "otlp" / f"traces-{segment_stem}.jsonl").exists()
    writer.shutdown()
    assert not path.exists()
