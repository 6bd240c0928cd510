"""Metrics in OTLP JSON lines: the newest values of sums, which is where queue depth and activity time are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from agent_otel import semconv
from agent_otel.store.wire_values import attribute_map

if TYPE_CHECKING:
    from collections.abc import Mapping

WATCHED: Final = frozenset({semconv.METRIC_QUEUE_DEPTH, semconv.METRIC_ACTIVITY_TIME})


class Point(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """One series at one time."""

    time_unix_nano: int
    start_time_unix_nano: int = 0
    attributes: msgspec.Raw = msgspec.Raw(b"[]")
    as_int: int | None = None
    as_double: float | None = None


class SumData(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """The points of a sum."""

    data_points: tuple[Point, ...] = ()


class Metric(msgspec.Struct, gc=False, frozen=True):
    """A metric; other kinds than sums are passed over."""

    name: str
    sum: SumData = SumData()


class ScopeMetrics(msgspec.Struct, gc=False, frozen=True):
    """Metrics of one scope."""

    metrics: tuple[Metric, ...] = ()


class ResourceMetrics(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """Metrics of one process."""

    scope_metrics: tuple[ScopeMetrics, ...] = ()


class MetricLine(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A line."""

    resource_metrics: tuple[ResourceMetrics, ...]


class Sample(msgspec.Struct, gc=False, frozen=True):
    """The value of one series of a watched metric, counted since ``start``; times in nanoseconds since the epoch."""

    metric: str
    attributes: Mapping[str, semconv.AttributeValue]
    start: int
    time: int
    value: float


_lines: Final = msgspec.json.Decoder(MetricLine, strict=False)


def samples(line: bytes) -> list[Sample]:
    """The watched values of a line; raises one of ``wire.DecodeErrors``."""
    return [
        Sample(
            metric.name,
            attribute_map(bytes(point.attributes)),
            point.start_time_unix_nano,
            point.time_unix_nano,
            _value(point),
        )
        for part in _lines.decode(line).resource_metrics
        for scope in part.scope_metrics
        for metric in scope.metrics
        if metric.name in WATCHED
        for point in metric.sum.data_points
    ]


def _value(point: Point) -> float:
    return float(point.as_int if point.as_int is not None else point.as_double or 0.0)
