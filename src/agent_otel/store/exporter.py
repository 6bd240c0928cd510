"""The exporters ``agent_store``, for ``OTEL_TRACES_EXPORTER``, ``OTEL_METRICS_EXPORTER`` and declarative files.

They are a thin face on the store of the process. The SDK wraps them in processors that see ended spans only, seconds
late, so they stay passive while the store's own processor and reader are installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agent_otel import safe
from agent_otel.settings import Settings
from agent_otel.store.process_store import Store, open_store
from agent_otel.store.processor import CUMULATIVE, StoreMetricReader, StoreSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = [
    "AgentStoreMetricExporter",
    "AgentStoreSpanExporter",
    "Store",
    "StoreMetricReader",
    "StoreSpanProcessor",
    "open_store",
]


class AgentStoreSpanExporter(SpanExporter):
    """Writes spans into the store; keyword arguments are fields of ``Settings``, such as ``directory``."""

    def __init__(self, **overrides: Any) -> None:
        self._settings = Settings.read(**overrides)
        self._store = open_store(self._settings) if self._settings.store else None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Queue spans, unless the store's own processor has them already."""
        if self._store is not None and not self._store.processor.installed:
            for span in spans:
                safe.call(self._store.writer.add, span)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Write what is queued; the store closes at the interpreter's exit."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Write what is queued; False if that was not possible in time."""
        return self._store is None or self._store.force_flush(timeout_millis)


class AgentStoreMetricExporter(MetricExporter):
    """Writes cumulative metrics into the store; keyword arguments are fields of ``Settings``."""

    def __init__(self, **overrides: Any) -> None:
        super().__init__(preferred_temporality=CUMULATIVE)
        self._settings = Settings.read(**overrides)
        self._store = open_store(self._settings) if self._settings.store else None

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: Any,
    ) -> MetricExportResult:
        """Queue a collection, unless the store's own reader collects."""
        if self._store is not None and not self._store.reader.registered:
            self._store.writer.add_metrics(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Write what is queued; False if that was not possible in time."""
        return self._store is None or self._store.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Write what is queued; the store closes at the interpreter's exit."""
        self.force_flush(timeout_millis)
