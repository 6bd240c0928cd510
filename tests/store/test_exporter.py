"""The store behind the SDK: processor, reader and the exporter faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

from agent_otel import semconv
from agent_otel.store.exporter import AgentStoreMetricExporter, AgentStoreSpanExporter, Store, open_store
from agent_otel.store.process_store import opened_stores
from tests.store.conftest import stored_spans, stored_sum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.settings import Settings


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.shutdown()


@pytest.fixture
def tracers() -> Iterator[TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    yield provider
    provider.shutdown()


@pytest.fixture
def meters() -> Iterator[MeterProvider]:
    provider = MeterProvider(shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def names(settings: Settings) -> list[str | None]:
    return [span.name for span in stored_spans(settings.directory)]


def test_one_store_for_a_folder(store: Store, settings: Settings) -> None:
    assert open_store(settings) is store
    assert opened_stores() == (store,)
    store.shutdown()
    assert opened_stores() == ()


def test_spans_and_metrics_are_stored(
    store: Store, settings: Settings, tracers: TracerProvider, meters: MeterProvider
) -> None:
    store.install(tracers, meters)
    store.install(tracers, meters)
    tracers.get_tracer("t").start_span("span").end()
    meters.get_meter("m").create_counter("count").add(5)
    assert store.force_flush()
    assert names(settings) == ["span"]
    assert stored_sum(settings.directory, "count") == [5]


def test_spans_that_are_not_sampled_are_not_stored(store: Store, settings: Settings) -> None:
    class RecordOnly(Sampler):
        def should_sample(self, *_: object, **__: object) -> SamplingResult:
            return SamplingResult(Decision.RECORD_ONLY)

        def get_description(self) -> str:
            return "record only"

    for sampler in (ALWAYS_OFF, RecordOnly()):
        provider = TracerProvider(sampler, shutdown_on_exit=False)
        provider.add_span_processor(store.processor)
        provider.get_tracer("t").start_span("span").end()
    store.force_flush()
    assert names(settings) == []


def test_the_store_reports_on_itself(
    store: Store, settings: Settings, tracers: TracerProvider, meters: MeterProvider
) -> None:
    store.install(tracers, meters)
    store.observe(meters.get_meter("agent_otel"))
    for _ in range(3):
        tracers.get_tracer("t").start_span("span").end()
    store.force_flush()
    assert stored_sum(settings.directory, semconv.METRIC_SPANS_PROCESSED) == [3]
    assert stored_sum(settings.directory, semconv.METRIC_SPANS_EXPORTED) == [3]
    (written,) = stored_sum(settings.directory, semconv.METRIC_STORE_WRITTEN)
    (traces,) = (settings.directory / "otlp").glob("traces-*.jsonl")
    assert written == traces.stat().st_size
    store.force_flush()
    assert len(stored_sum(settings.directory, semconv.METRIC_STORE_WRITTEN)) == 1


def test_a_provider_that_shuts_down_flushes(store: Store, settings: Settings, tracers: TracerProvider) -> None:
    store.install(tracers)
    tracers.get_tracer("t").start_span("span").end()
    tracers.shutdown()
    assert names(settings) == ["span"]


def test_a_reader_given_at_construction_is_flushed_by_its_provider(store: Store, settings: Settings) -> None:
    provider = MeterProvider([store.reader], shutdown_on_exit=False)
    counter = provider.get_meter("m").create_counter("count")
    counter.add(1)
    provider.force_flush()
    counter.add(1)
    provider.shutdown()
    assert stored_sum(settings.directory, "count") == [1, 2]


def test_exporters_write_where_the_store_is_not_installed(settings: Settings, tracers: TracerProvider) -> None:
    exporter = AgentStoreSpanExporter(directory=str(settings.directory))
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    metric_exporter = AgentStoreMetricExporter(directory=str(settings.directory))
    meters = MeterProvider([PeriodicExportingMetricReader(metric_exporter)], shutdown_on_exit=False)
    tracers.get_tracer("t").start_span("span").end()
    meters.get_meter("m").create_counter("count").add(2)
    tracers.shutdown()
    meters.shutdown()
    assert names(settings) == ["span"]
    assert stored_sum(settings.directory, "count") == [2]
    open_store(settings).shutdown()


def test_exporters_are_passive_beside_the_store(
    store: Store, settings: Settings, tracers: TracerProvider, meters: MeterProvider
) -> None:
    store.install(tracers, meters)
    tracers.add_span_processor(SimpleSpanProcessor(AgentStoreSpanExporter(directory=settings.directory)))
    periodic = PeriodicExportingMetricReader(AgentStoreMetricExporter(directory=settings.directory))
    meters.add_metric_reader(periodic)
    tracers.get_tracer("t").start_span("span").end()
    meters.get_meter("m").create_counter("count").add(2)
    periodic.force_flush()
    assert tracers.force_flush()
    assert names(settings) == ["span"]
    assert stored_sum(settings.directory, "count") == [2]
    meters.remove_metric_reader(periodic)


def test_exporters_do_nothing_where_the_store_is_off(settings: Settings, tracers: TracerProvider) -> None:
    exporter = AgentStoreSpanExporter(directory=settings.directory, store=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    tracers.get_tracer("t").start_span("span").end()
    assert tracers.force_flush()
    assert exporter.force_flush()
    assert not settings.directory.exists()


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        AgentStoreSpanExporter(colour="red")


def test_the_metric_exporter_asks_for_cumulative(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    exporter = AgentStoreMetricExporter(directory=settings.directory)
    meters = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
    counter = meters.get_meter("m").create_counter("count")
    for _ in range(3):
        counter.add(1)
        meters.force_flush()
    assert stored_sum(settings.directory, "count") == [1, 2, 3]
    assert exporter.force_flush()
    assert MetricExportResult.SUCCESS.value == 0
    meters.shutdown()
    open_store(settings).shutdown()
