"""Metrics as OTLP JSON, read back with ``opentelemetry-proto-json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from agent_otel.store.encode_metrics import MetricEncoder
from agent_otel.store.otlp_lines import LINE_BYTES
from tests.store.conftest import metrics_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.metrics import Meter


class Metering:
    """A meter of its own."""

    def __init__(self, *views: View) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider(
            [self.reader], Resource({"service.name": "t"}), shutdown_on_exit=False, views=views
        )
        self.meter: Meter = self.provider.get_meter("scope", "2")

    def collect(self) -> MetricsData:
        data = self.reader.get_metrics_data()
        assert data is not None
        return data


def test_counters_and_gauges() -> None:
    metering = Metering()
    metering.meter.create_counter("calls", "{call}", "how many").add(3, {"a": "x"})
    metering.meter.create_up_down_counter("depth").add(-2.5)
    metering.meter.create_gauge("level").set(7)
    (line,) = MetricEncoder().encode(metering.collect())
    calls, depth, level = metrics_in([line.data])
    assert (calls.name, calls.unit, calls.description) == ("calls", "{call}", "how many")
    assert calls.sum is not None
    assert (calls.sum.is_monotonic, calls.sum.aggregation_temporality) == (True, 2)
    (point,) = calls.sum.data_points
    assert point.as_int == 3
    assert point.attributes[0].key == "a"
    assert (point.start_time_unix_nano or 0) <= (point.time_unix_nano or 0)
    assert depth.sum is not None
    assert (depth.sum.is_monotonic, depth.sum.data_points[0].as_double) == (False, -2.5)
    assert level.gauge is not None
    assert level.gauge.data_points[0].as_int == 7
    assert line.items == 3


def test_histograms_and_exemplars() -> None:
    metering = Metering()
    context = set_span_in_context(NonRecordingSpan(SpanContext(5, 6, is_remote=False, trace_flags=TraceFlags(1))))
    histogram = metering.meter.create_histogram("time", explicit_bucket_boundaries_advisory=[1.0, 2.0])
    histogram.record(1.5, {"a": "x"}, context)
    histogram.record(9, {"a": "x"}, context)
    (line,) = MetricEncoder().encode(metering.collect())
    (metric,) = metrics_in([line.data])
    assert metric.histogram is not None
    (point,) = metric.histogram.data_points
    assert (point.count, point.sum, point.min, point.max) == (2, 10.5, 1.5, 9)
    assert list(point.bucket_counts) == [0, 1, 1]
    assert list(point.explicit_bounds) == [1.0, 2.0]
    assert {(e.trace_id, e.span_id) for e in point.exemplars} == {((5).to_bytes(16, "big"), (6).to_bytes(8, "big"))}
    assert {exemplar.as_double or exemplar.as_int for exemplar in point.exemplars} == {1.5, 9}


def test_exponential_histograms() -> None:
    metering = Metering(View(instrument_name="time", aggregation=ExponentialBucketHistogramAggregation()))
    histogram = metering.meter.create_histogram("time")
    for value in (0, 1, 2, 4):
        histogram.record(value)
    (line,) = MetricEncoder().encode(metering.collect())
    (metric,) = metrics_in([line.data])
    assert metric.exponential_histogram is not None
    (point,) = metric.exponential_histogram.data_points
    assert (point.count, point.zero_count, point.sum, point.min, point.max) == (4, 1, 7, 0, 4)
    assert point.positive is not None
    assert sum(point.positive.bucket_counts) == 3
    assert point.negative is None


def test_only_what_changed_is_written() -> None:
    metering = Metering()
    encoder = MetricEncoder()
    counter = metering.meter.create_counter("calls")
    counter.add(1, {"k": "a"})
    counter.add(1, {"k": "b"})
    assert sum(line.items for line in encoder.encode(metering.collect())) == 2
    assert encoder.encode(metering.collect()) == []
    counter.add(1, {"k": "b"})
    (line,) = encoder.encode(metering.collect())
    (metric,) = metrics_in([line.data])
    assert metric.sum is not None
    assert [(point.attributes[0].value, point.as_int) for point in metric.sum.data_points] == [
        (metric.sum.data_points[0].attributes[0].value, 2)
    ]


def test_a_whole_collection_has_what_stands_still_but_only_when_something_moves() -> None:
    metering = Metering()
    encoder = MetricEncoder()
    counter = metering.meter.create_counter("calls")
    counter.add(1, {"k": "a"})
    counter.add(1, {"k": "b"})
    encoder.encode(metering.collect())
    assert encoder.encode(metering.collect(), whole=True) == []
    counter.add(1, {"k": "b"})
    assert sum(line.items for line in encoder.encode(metering.collect(), whole=True)) == 2


def test_quiet_metrics_go_along_but_are_no_reason_for_a_line() -> None:
    metering = Metering()
    encoder = MetricEncoder()
    own, other = metering.meter.create_counter("own"), metering.meter.create_counter("other")
    own.add(1)
    assert encoder.encode(metering.collect(), quiet=frozenset({"own"})) == []
    other.add(1)
    (line,) = encoder.encode(metering.collect(), quiet=frozenset({"own"}))
    assert {metric.name for metric in metrics_in([line.data])} == {"own", "other"}


def test_many_series_fit_into_lines() -> None:
    metering = Metering()

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(number, {"series": f"{number:01000}"}) for number in range(1_500)]

    metering.meter.create_observable_gauge("wide", [observe])
    lines = MetricEncoder().encode(metering.collect())
    assert max(len(line.data) for line in lines) < LINE_BYTES
    values = [
        point.as_int or 0
        for metric in metrics_in(line.data for line in lines)
        if metric.gauge is not None
        for point in metric.gauge.data_points
    ]
    assert len(lines) > 1
    assert values == list(range(1_500))


def test_numbers_beyond_64_bits_become_doubles() -> None:
    metering = Metering()
    metering.meter.create_counter("big").add(2**70)
    (line,) = MetricEncoder().encode(metering.collect())
    (metric,) = metrics_in([line.data])
    assert metric.sum is not None
    assert metric.sum.data_points[0].as_double == float(2**70)
