"""Spans to store, and what the store's files hold, read with the reference decoder of OTLP JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto_json.metrics.v1.metrics import Metric, MetricsData
from opentelemetry.proto_json.trace.v1.trace import Span, TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from agent_otel.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from opentelemetry.trace import Tracer


class Collected(SpanProcessor):
    """Keeps the spans that ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@dataclass
class Tracing:
    """A tracer of its own, and the spans that it has ended."""

    tracer: Tracer
    provider: TracerProvider
    collected: Collected

    @property
    def ended(self) -> list[ReadableSpan]:
        return self.collected.spans

    def span(self, name: str = "work", **attributes: str) -> ReadableSpan:
        """A span that has ended."""
        self.tracer.start_span(name, attributes=attributes).end()
        return self.ended[-1]


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    provider = TracerProvider(resource=Resource({"service.name": "test"}), shutdown_on_exit=False)
    collected = Collected()
    provider.add_span_processor(collected)
    yield Tracing(provider.get_tracer("scope", "1.0", "https://schema"), provider, collected)
    provider.shutdown()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(directory=tmp_path / "metrics")


@dataclass
class Clock:
    """Monotonic seconds and wall nanoseconds that stand still until moved."""

    seconds: float = 100.0
    started: int = field(default=1_700_000_000_000_000_000)

    def now(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return self.started + int((self.seconds - 100.0) * 1e9)

    def forward(self, seconds: float) -> None:
        self.seconds += seconds


def spans_in(lines: Iterable[bytes]) -> list[Span]:
    """The spans of OTLP JSON lines."""
    return [
        span
        for line in lines
        for resource in TracesData.from_json(line).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def metrics_in(lines: Iterable[bytes]) -> list[Metric]:
    """The metrics of OTLP JSON lines, in the order of the file."""
    return [
        metric
        for line in lines
        for resource in MetricsData.from_json(line).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]


def lines_of(folder: Path, pattern: str) -> list[bytes]:
    """The lines of all files of that pattern, oldest file first."""
    return [line for path in sorted(folder.glob(pattern)) for line in path.read_bytes().splitlines()]


def stored_spans(directory: Path) -> list[Span]:
    """Every ended span in the store."""
    return spans_in(lines_of(directory / "otlp", "traces-*.jsonl"))


def stored_sum(directory: Path, metric: str, pattern: str = "metrics-*.jsonl") -> list[int]:
    """The values of an integer sum's points, in the order in which they were written."""
    return [
        point.as_int or 0
        for found in metrics_in(lines_of(directory / "otlp", pattern))
        if found.name == metric and found.sum is not None
        for point in found.sum.data_points
    ]
