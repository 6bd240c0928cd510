"""The queue: its bound, and which spans outlive which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.store.span_queue import SpanQueue, outlives

if TYPE_CHECKING:
    import pytest

    from tests.store.conftest import Tracing


def test_which_spans_outlive_others(tracing: Tracing) -> None:
    assert outlives(tracing.span(**{semconv.OPERATION_NAME: semconv.CHAT}))
    assert outlives(tracing.span(**{semconv.OPERATION_NAME: semconv.INVOKE_AGENT}))
    assert outlives(tracing.span(**{semconv.TASK_TYPE: "fix"}))
    assert not outlives(tracing.span(**{semconv.OPERATION_NAME: semconv.EXECUTE_TOOL}))
    assert not outlives(tracing.span(**{semconv.GIT_OPERATION: "commit"}))
    assert not outlives(tracing.span())


def test_a_full_queue_drops_newcomers_and_counts(tracing: Tracing, caplog: pytest.LogCaptureFixture) -> None:
    queue = SpanQueue(2)
    for name in "abcd":
        queue.put(tracing.span(name))
    assert [span.name for span in queue.take(10)] == ["a", "b"]
    assert queue.take_dropped() == 2
    assert queue.take_dropped() == 0
    assert len(caplog.messages) == 1


def test_llm_spans_take_the_place_of_others(tracing: Tracing) -> None:
    queue = SpanQueue(4)
    chat = {semconv.OPERATION_NAME: semconv.CHAT}
    queue.put(tracing.span("chat 0", **chat))
    for name in ("node 1", "node 2", "node 3"):
        queue.put(tracing.span(name))
    for number in range(1, 6):
        queue.put(tracing.span(f"chat {number}", **chat))
    assert sorted(span.name for span in queue.take(10)) == ["chat 0", "chat 1", "chat 2", "chat 3"]
    assert queue.take_dropped() == 5
