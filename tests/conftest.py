"""Fixtures for every test: telemetry errors are raised, and signals go to providers of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_otel import safe, semconv
from agent_otel.capture import clock
from agent_otel.capture.call import Capture
from agent_otel.signals.hub import Signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.signals.finished import Finished


@pytest.fixture(autouse=True)
def errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe, "reraise", True)


@dataclass
class Recording:
    """A capture with in-memory exporters, and what it has exported."""

    capture: Capture
    _finished: list[Finished]
    _spans: InMemorySpanExporter
    _metrics: InMemoryMetricReader

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Ended spans, in the order of their ends."""
        self.capture.settle()
        return self._spans.get_finished_spans()

    @property
    def finished(self) -> list[Finished]:
        """What was told to the listeners, in the order of the ends."""
        self.capture.settle()
        return self._finished

    def span(self, name: str) -> ReadableSpan:
        """The only span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def named(self, name: str) -> list[ReadableSpan]:
        """All spans of that name, by start."""
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.start_time or 0)

    def parent(self, span: ReadableSpan) -> str | None:
        """The name of the span's parent; None for a root."""
        if span.parent is None:
            return None
        names = {found.context.span_id: found.name for found in self.spans if found.context is not None}
        return names[span.parent.span_id]

    def points(self, metric: str) -> list[Any]:
        """The data points of a metric, from a fresh collection."""
        data = self._metrics.get_metrics_data()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """The span's attributes as a plain dictionary."""
    return dict(span.attributes or {})


@pytest.fixture
def recording() -> Iterator[Recording]:
    """A fresh capture with in-memory exporters."""
    spans = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    signals = Signals(meters.get_meter(semconv.SCOPE), clock.now)
    finished: list[Finished] = []
    signals.listeners.append(finished.append)
    yield Recording(Capture(tracers.get_tracer(semconv.SCOPE), signals), finished, spans, reader)
    tracers.shutdown()
    meters.shutdown()
