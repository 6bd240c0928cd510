"""The metric table."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from opentelemetry.metrics import Histogram, Meter

from agent_otel import semconv
from agent_otel.signals import metrics
from agent_otel.signals.finished import Finished
from agent_otel.signals.hub import Signals
from tests.conftest import Recording, attributes

OPERATIONS = sorted(
    semconv.LLM_OPERATIONS
    | {semconv.NODE, semconv.GIT, semconv.TASK, semconv.INVOKE_AGENT, semconv.INVOKE_WORKFLOW, semconv.EXECUTE_TOOL}
)
NO_IDS = {semconv.TASK_ID, semconv.CONVERSATION_ID, semconv.RESPONSE_ID, semconv.TOOL_CALL_ID, semconv.PROCESS_PID}


def test_the_table_has_every_metric_of_the_words() -> None:
    words = {value for name, value in vars(semconv).items() if name.startswith("METRIC_")}
    reported_by_the_store = {
        semconv.METRIC_SPANS_PROCESSED,
        semconv.METRIC_SPANS_EXPORTED,
        semconv.METRIC_STORE_WRITTEN,
    }
    assert set(metrics.metric_names()) == words - reported_by_the_store


@pytest.mark.parametrize("row", [*metrics.HISTOGRAMS, metrics.BARRIER_WAIT], ids=lambda row: row.name)
def test_no_row_carries_an_id_and_buckets_ascend(row: metrics.Row) -> None:
    assert not NO_IDS & set(row.attributes)
    assert list(row.buckets) == sorted(set(row.buckets))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_records_its_duration(recording: Recording, operation: str) -> None:
    call = recording.capture.begin(operation, "x", {})
    assert call is not None
    call.finish("error", "ValueError")
    names = {row.name for row in metrics.HISTOGRAMS if operation in row.operations and row.fact == metrics.DURATION}
    assert len(names) == 1
    (point,) = recording.points(names.pop())
    assert point.count == 1
    assert point.attributes["agent_otel.outcome"] == "error"
    assert point.attributes["error.type"] == "ValueError"


def test_records_beyond_the_limit_are_recorded_without_a_collection(recording: Recording) -> None:
    for _ in range(metrics.Metrics.LIMIT + 2):
        recording.capture.waited("queue", 0, 10, {})
    (point,) = recording.points(semconv.METRIC_TASK_WAIT)
    assert point.count == metrics.Metrics.LIMIT + 2
    recording.capture.waited("queue", 0, 10, {})
    recording.capture.signals.restart()
    (point,) = recording.points(semconv.METRIC_TASK_WAIT)
    assert point.count == metrics.Metrics.LIMIT + 2


def test_buckets_are_advised_from_a_millisecond_to_two_hours(recording: Recording) -> None:
    recording.capture.waited("queue", 0, 10, {})
    (point,) = recording.points(semconv.METRIC_TASK_WAIT)
    assert point.explicit_bounds[0] == 0.001
    assert point.explicit_bounds[-1] == 7200.0


def test_attributes_of_span_and_metric_agree_on_the_error(recording: Recording) -> None:
    call = recording.capture.begin(semconv.GIT, "merge", {semconv.GIT_OPERATION: "merge"})
    assert call is not None
    call.fail(RuntimeError("secret words"))
    read = attributes(recording.span("git merge"))
    (point,) = recording.points(semconv.METRIC_GIT_DURATION)
    assert read["error.type"] == point.attributes["error.type"] == "RuntimeError"
    status = recording.span("git merge").status
    assert "secret" not in (status.description or "")


def test_a_call_is_not_held_up_by_what_nobody_collects() -> None:
    histogram = create_autospec(Histogram, instance=True)
    meter = create_autospec(Meter, instance=True)
    meter.create_histogram.return_value = histogram
    signals = Signals(meter, lambda: 0)
    finished = Finished("node", "n", 0, 1, {}, "ok", None, "python", None, 0, 0, None)
    for _ in range(metrics.Metrics.LIMIT):
        signals.finished(finished)
    assert histogram.record.call_count == 0
    for _ in range(100):
        before = histogram.record.call_count
        signals.finished(finished)
        assert histogram.record.call_count - before <= 8
    assert histogram.record.call_count >= 100
