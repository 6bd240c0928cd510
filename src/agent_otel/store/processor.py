"""The store's own ends of the SDK: a span processor and a metric reader in front of one ``StoreWriter``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricReader, MetricsData
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import TraceFlags

from agent_otel import semconv

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from agent_otel.store.writer import StoreWriter

CUMULATIVE: dict[type, AggregationTemporality] = dict.fromkeys(
    (Counter, UpDownCounter, Histogram, ObservableCounter, ObservableUpDownCounter, ObservableGauge),
    AggregationTemporality.CUMULATIVE,
)
"""Cumulative for every instrument, whatever the OTLP preference says: a file may be read from any point on."""


class StoreSpanProcessor(SpanProcessor):
    """Hands spans to the store as they start and end; those that are not sampled are not stored.

    ``installed`` is set once a provider calls it: from then on the store's exporter faces stay passive.
    """

    def __init__(self, writer: StoreWriter) -> None:
        self.installed = False
        self._writer = writer
        self._open = writer.open_spans

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember the span as open."""
        context = span.context
        if context is not None and context.trace_flags & TraceFlags.SAMPLED:
            self.installed = True
            self._open.started(context.span_id, span)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span for writing."""
        context = span.context
        if context is None or not context.trace_flags & TraceFlags.SAMPLED:
            return
        if not self._open.inherited(context.span_id):
            # Queued before it stops being open, so that it is always in one of the two.
            self._writer.add(span)
            self._open.ended(context.span_id)

    def shutdown(self) -> None:
        """Write what is queued. The store itself closes last, at the interpreter's exit or by ``Store.shutdown``."""
        self._writer.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Write what is queued; False if that was not possible in time."""
        return self._writer.force_flush(timeout_millis)


class StoreMetricReader(MetricReader):
    """Collects cumulative metrics for the store whenever the store's writer asks."""

    def __init__(self, writer: StoreWriter) -> None:
        super().__init__(preferred_temporality=CUMULATIVE)
        self._writer = writer
        self._retired = False

    @property
    def registered(self) -> bool:
        """Whether a meter provider has this reader."""
        return self._collect is not None and not self._retired

    def collect_if_registered(self) -> None:
        """Fetch the metrics of the provider, if there is one."""
        if self.registered:
            self.collect()

    def retire(self) -> None:
        """Stop reading: another reader takes over."""
        self._retired = True

    def _receive_metrics(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: object,
    ) -> None:
        self._writer.add_metrics(metrics_data)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect and write; the provider calls it only for readers that it was constructed with."""
        return self._writer.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Collect and write once more."""
        if not self._retired:
            self._writer.force_flush(timeout_millis)


class StoreCounts:
    """The store's report on itself, as the counters of the OpenTelemetry conventions and one of ours."""

    def __init__(self, meter: Meter) -> None:
        self._processed = meter.create_counter(
            semconv.METRIC_SPANS_PROCESSED, unit="{span}", description="Spans that the store took in or dropped."
        )
        self._exported = meter.create_counter(
            semconv.METRIC_SPANS_EXPORTED, unit="{span}", description="Spans that the store wrote or gave up."
        )
        self._written = meter.create_counter(
            semconv.METRIC_STORE_WRITTEN, unit="By", description="Bytes that the store appended to its files."
        )

    def processed(self, spans: int, error_type: str | None) -> None:
        """Spans that left the queue, or were dropped from it for ``error_type``."""
        self._processed.add(spans, _COMPONENT if error_type is None else {**_COMPONENT, semconv.ERROR_TYPE: error_type})

    def exported(self, spans: int, error_type: str | None) -> None:
        """Spans that are on disk, or were given up for ``error_type``."""
        self._exported.add(spans, _COMPONENT if error_type is None else {**_COMPONENT, semconv.ERROR_TYPE: error_type})

    def written(self, length: int) -> None:
        """Bytes appended to segment files."""
        self._written.add(length, _COMPONENT)


_COMPONENT = {"otel.component.type": "agent_otel_store"}
