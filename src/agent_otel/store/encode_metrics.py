"""Metrics as OTLP JSON lines; of cumulative series only the points that changed since the last line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    Sum,
)

from agent_otel import safe
from agent_otel.store.otlp_lines import ITEM_BYTES, Line, LineBuilder, byte_length
from agent_otel.store.otlp_values import attributes_json, double_json, number_json, quoted, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opentelemetry.sdk.metrics import Exemplar

# A metric with many series is written as several items of the same name, each well below a line's length.
_POINTS_BYTES: Final = 200_000
_POINT_BYTES: Final = 100_000
_POINT_CHARACTERS: Final = 512
_POINT_ATTRIBUTES: Final = 64

Point = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint
Fingerprint = tuple[int, float, float]


class Series(NamedTuple):
    """What tells one series from another within a process."""

    scope: str
    metric: str
    attributes: str


class MetricEncoder:
    """Turns collections into lines ``{"resourceMetrics":[...]}``.

    A series is left out while it stands still.
    """

    def __init__(self) -> None:
        self._builder = LineBuilder("Metrics", "metrics")
        self._last: dict[Series, Fingerprint] = {}

    def encode(self, data: MetricsData, *, whole: bool = False, quiet: frozenset[str] = frozenset()) -> list[Line]:
        """The lines for what changed since the last call, none if nothing did.

        ``whole`` adds the series that stand still, so that a new file stands on its own. ``quiet`` names metrics that
        are no reason for a line: what the store says of itself changes with every line that it writes.
        """
        current: dict[Series, Fingerprint] = {}
        for resource_metrics in data.resource_metrics:
            for scope_metrics in resource_metrics.scope_metrics:
                scope = scope_metrics.scope
                for metric in scope_metrics.metrics:
                    points = self._points(scope.name, metric, current, whole=whole)
                    for text, count in _batches(points):
                        item = metric_json(metric, text)
                        self._builder.add(resource_metrics.resource, scope, item, byte_length(item), count)
        lines = self._builder.take()
        moved = any(
            self._last.get(series) != fingerprint
            for series, fingerprint in current.items()
            if series.metric not in quiet
        )
        if not moved:
            return []
        self._last.update(current)
        return lines

    def _points(self, scope: str, metric: Metric, current: dict[Series, Fingerprint], *, whole: bool) -> Iterator[str]:
        for point in metric.data.data_points:
            attributes = attributes_json(point.attributes)
            if len(attributes) > _POINT_BYTES:
                attributes = attributes_json(trimmed(point.attributes, _POINT_CHARACTERS, _POINT_ATTRIBUTES))
            series = Series(scope, metric.name, attributes)
            fingerprint = _fingerprint(point)
            if not whole and self._last.get(series) == fingerprint:
                continue
            text = safe.call(_point_json, point, attributes, isinstance(metric.data, Gauge))
            if text is not None and byte_length(text) < ITEM_BYTES:
                current[series] = fingerprint
                yield text


def metric_json(metric: Metric, points: str) -> str:
    """One OTLP ``Metric`` with these points."""
    data = metric.data
    head = f'{{"name":{quoted(metric.name)}'
    if metric.description:
        head += f',"description":{quoted(metric.description[:_POINT_CHARACTERS])}'
    if metric.unit:
        head += f',"unit":{quoted(metric.unit)}'
    if isinstance(data, Gauge):
        return f'{head},"gauge":{{"dataPoints":[{points}]}}}}'
    body = f'"aggregationTemporality":{int(data.aggregation_temporality)},"dataPoints":[{points}]'
    if isinstance(data, Sum):
        return f'{head},"sum":{{"isMonotonic":{"true" if data.is_monotonic else "false"},{body}}}}}'
    kind = "exponentialHistogram" if isinstance(data, ExponentialHistogram) else "histogram"
    return f'{head},"{kind}":{{{body}}}}}'


def _batches(points: Iterable[str]) -> Iterator[tuple[str, int]]:
    batch: list[str] = []
    size = 0
    for point in points:
        length = byte_length(point)
        if batch and size + length > _POINTS_BYTES:
            yield ",".join(batch), len(batch)
            batch, size = [], 0
        batch.append(point)
        size += length + 1
    if batch:
        yield ",".join(batch), len(batch)


def _fingerprint(point: Point) -> Fingerprint:
    if isinstance(point, NumberDataPoint):
        return (point.start_time_unix_nano or 0, point.value, 0)
    return (point.start_time_unix_nano, point.count, point.sum)


def _point_json(point: Point, attributes: str, without_start: bool) -> str:
    members = [f'"attributes":[{attributes}]'] if attributes else []
    if not without_start:
        members.append(f'"startTimeUnixNano":"{point.start_time_unix_nano or 0}"')
    members.append(f'"timeUnixNano":"{point.time_unix_nano}"')
    if isinstance(point, NumberDataPoint):
        members.append(number_json(point.value))
    else:
        members.append(f'"count":"{point.count}","sum":{double_json(float(point.sum))}')
        members.extend(
            f'"{name}":{double_json(float(value))}'
            for name, value in (("min", point.min), ("max", point.max))
            if not math.isinf(value)
        )
        if isinstance(point, HistogramDataPoint):
            bounds = ",".join([double_json(float(bound)) for bound in point.explicit_bounds])
            members.append(f'"bucketCounts":[{_counts(point.bucket_counts)}],"explicitBounds":[{bounds}]')
        else:
            members.append(f'"scale":{point.scale},"zeroCount":"{point.zero_count}"')
            if point.flags:
                members.append(f'"flags":{point.flags}')
            members.extend(
                f'"{name}":{{"offset":{buckets.offset},"bucketCounts":[{_counts(buckets.bucket_counts)}]}}'
                for name, buckets in (("positive", point.positive), ("negative", point.negative))
                if any(buckets.bucket_counts)
            )
    if point.exemplars:
        members.append(f'"exemplars":[{",".join([_exemplar_json(exemplar) for exemplar in point.exemplars])}]')
    return f"{{{','.join(members)}}}"


def _exemplar_json(exemplar: Exemplar) -> str:
    members = [f'"timeUnixNano":"{exemplar.time_unix_nano}"', number_json(exemplar.value)]
    if exemplar.span_id is not None and exemplar.trace_id is not None:
        members.append(f'"traceId":"{exemplar.trace_id:032x}","spanId":"{exemplar.span_id:016x}"')
    if exemplar.filtered_attributes:
        kept = trimmed(exemplar.filtered_attributes, _POINT_CHARACTERS, _POINT_ATTRIBUTES)
        members.append(f'"filteredAttributes":[{attributes_json(kept)}]')
    return f"{{{','.join(members)}}}"


def _counts(counts: Sequence[int]) -> str:
    return ",".join([f'"{count}"' for count in counts])
