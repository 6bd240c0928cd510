"""The store's one background thread: it drains what the program's threads leave, and writes it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from agent_otel import safe, semconv
from agent_otel.store import files, performance_json
from agent_otel.store.encode import SpanEncoder
from agent_otel.store.encode_metrics import MetricEncoder
from agent_otel.store.open_spans import OpenSpans
from agent_otel.store.segments import SegmentWriter, Signal, new_stem
from agent_otel.store.span_queue import SpanQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from agent_otel.settings import Settings
    from agent_otel.signals.finished import Finished
    from agent_otel.store.otlp_lines import Line

THREAD_NAME: Final = "agent-otel-store"
METRIC_SECONDS: Final = 1.0
RECORD_SECONDS: Final = 1.0
PRUNE_SECONDS: Final = 60.0
_BATCH: Final = 1024

QUEUE_FULL: Final = "queue_full"
WRITE_FAILED: Final = "write_failed"
ENCODE_FAILED: Final = "encode_failed"
_OWN_METRICS: Final = frozenset(
    {semconv.METRIC_SPANS_PROCESSED, semconv.METRIC_SPANS_EXPORTED, semconv.METRIC_STORE_WRITTEN}
)
_NEVER_LAST: Final = frozenset({semconv.METRIC_STORE_WRITTEN})


class Counts(Protocol):
    """Where the store reports on itself; called on the writer's thread."""

    def processed(self, spans: int, error_type: str | None) -> None:
        """Spans that left the queue, or were dropped from it for ``error_type``."""
        ...

    def exported(self, spans: int, error_type: str | None) -> None:
        """Spans that are on disk, or were given up for ``error_type``."""
        ...

    def written(self, length: int) -> None:
        """Bytes appended to segment files."""
        ...


class StoreWriter:
    """Queues what has ended and writes it within ``Settings.flush_seconds``.

    ``add`` and the methods of ``open_spans`` that the program's threads call take no lock and touch no file. All
    writing is in ``step``, which the thread calls (with ``threaded`` off: whoever owns the writer). ``collect`` is
    called in ``step`` to fetch metrics, which arrive through ``add_metrics``.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
        threaded: bool = True,
    ) -> None:
        self.settings = settings
        self.collect: Callable[[], None] | None = None
        self.counts: Counts | None = None
        self.complaints = files.Complaints()
        self.accepting = True
        self._threaded = threaded
        self._clock = clock
        self._wall = wall
        self._wake_at = max(1, settings.queue_spans // 4)
        self._finished: deque[Finished] = deque(maxlen=100_000)
        self._encoder = SpanEncoder()
        self._performance = performance_json.PerformanceFile(settings.directory, self.complaints, wall)
        stem = new_stem()
        self.open_spans = OpenSpans(settings.directory / "open", stem, self.complaints, wall)
        self._begin(stem)

    def _begin(self, stem: str) -> None:
        """The state of one process: made at construction and again in the child of a fork."""
        settings = self.settings
        self._spans = SpanQueue(settings.queue_spans)
        self._metrics: deque[MetricsData] = deque(maxlen=16)
        self._segments: dict[Signal, SegmentWriter] = {
            signal: SegmentWriter(
                settings.directory / "otlp",
                signal,
                stem=stem,
                segment_bytes=settings.segment_bytes,
                segment_seconds=settings.segment_seconds,
                complaints=self.complaints,
                clock=self._clock,
            )
            for signal in ("traces", "metrics")
        }
        self._metric_encoder = MetricEncoder()
        self._metric_segment = 0
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._step_lock = threading.Lock()
        self._stepping = 0
        self._stopping = False
        self._inline = False
        self._prepared = False
        self._last_metrics = self._last_records = self._last_prune = float("-inf")

    # --- on the program's threads ---

    def add(self, span: ReadableSpan) -> None:
        """Queue an ended span; when the queue is full, drop it or a less important one."""
        if not self.accepting:
            self._spans.drop(1, quietly=True)
            return
        self._spans.put(span)
        if self._thread is None:
            self.start()
        elif len(self._spans) >= self._wake_at:
            self._wake.set()

    def add_finished(self, finished: Finished) -> None:
        """Queue a call for ``agent-performance.json``."""
        if not self.accepting:
            return
        self._finished.append(finished)
        if self._thread is None:
            self.start()

    def add_metrics(self, data: MetricsData) -> None:
        """Queue a collection of cumulative metrics; the next ``step`` writes what changed."""
        self._metrics.append(data)

    def start(self) -> None:
        """Start the thread if it does not run; after the interpreter's exit began, write at once instead."""
        if self._inline:
            safe.call(self.step)
        elif self._threaded and self._thread is None and self.accepting:
            self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
            self._thread.start()

    # --- writing ---

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self.settings.flush_seconds)
            self._wake.clear()
            if not self._stopping:
                safe.call(self.step)

    def step(self) -> None:
        """Write what is queued, metrics and records only when their second is over."""
        if self.enter():
            try:
                self._step(complete=False)
            finally:
                self.leave()

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Write everything that is queued now; False if that was not possible, or not in time."""
        if not self.enter(timeout_millis / 1e3):
            return False
        try:
            self._step(complete=True)
        finally:
            self.leave()
        return not self.behind

    @property
    def behind(self) -> bool:
        """Whether spans or records wait because they could not be written."""
        return self._segments["traces"].behind or self._performance.behind

    def shutdown(self, timeout_millis: float = 30_000, *, inline: bool = False) -> bool:
        """Write everything, make it durable and close the files; False if that was not possible, or not in time.

        With ``inline`` spans are taken further on and written by the caller, for what ends while the interpreter
        exits; without it they are dropped.
        """
        self._stopping = True
        self._inline = inline
        self.accepting = inline
        self._wake.set()
        if not self.enter(timeout_millis / 1e3):
            return False
        try:
            self._step(complete=True, durable=True)
            for segment in self._segments.values():
                segment.close()
            self.open_spans.close()
        finally:
            self._thread = None
            self.leave()
        return not self.behind

    def enter(self, timeout: float = -1) -> bool:
        """Take the right to write, also to keep a fork from seeing it half done; False if not in ``timeout`` seconds.

        False too on a thread that has it: a signal handler or a metric callback that flushes must not wait for itself.
        """
        if self._stepping == threading.get_ident() or not self._step_lock.acquire(timeout=timeout):
            return False
        self._stepping = threading.get_ident()
        return True

    def leave(self) -> None:
        """Give back the right to write."""
        self._stepping = 0
        self._step_lock.release()

    def abandon(self) -> None:
        """In the child of a fork: forget what is the parent's, and write files of our own from here on."""
        for segment in self._segments.values():
            segment.abandon()
        self._finished.clear()
        self._performance.abandon()
        stem = new_stem()
        self.open_spans.abandon(stem)
        self._begin(stem)

    def _step(self, *, complete: bool, durable: bool = False) -> None:
        now = self._clock()
        if not self._prepared:
            safe.call(self._performance.prepare)
            self._prepared = True
        safe.call(self._write_spans)
        if complete or now - self._last_metrics >= METRIC_SECONDS:
            self._last_metrics = now
            safe.call(self._write_metrics, complete)
        if complete or now - self._last_records >= RECORD_SECONDS:
            self._last_records = now
            safe.call(self._write_records, durable)
        for segment in self._segments.values():
            segment.rotate_if_due()
        if now - self._last_prune >= PRUNE_SECONDS:
            self._last_prune = now
            safe.call(self._prune)

    def _write_spans(self) -> None:
        segment = self._segments["traces"]
        idle = self.open_spans.idle
        before = segment.segments
        while batch := self._spans.take(_BATCH):
            failed = self._encoder.failed
            lines = self._encoder.encode(batch)
            failed = self._encoder.failed - failed
            self._write(segment, lines)
            if self.counts is not None:
                self.counts.processed(len(batch), None)
                if failed:
                    self.counts.exported(failed, ENCODE_FAILED)
        if segment.behind:
            self._write(segment, ())
        self.open_spans.flush(idle=idle and not segment.behind)
        dropped = self._spans.take_dropped()
        if dropped and self.counts is not None:
            self.counts.processed(dropped, QUEUE_FULL)
        if segment.segments != before:
            self._last_prune = float("-inf")

    def _write(self, segment: SegmentWriter, lines: Iterable[Line]) -> None:
        written = segment.write(lines)
        if self.counts is None:
            return
        if written.bytes:
            self.counts.written(written.bytes)
        if segment is self._segments["traces"]:
            if written.items:
                self.counts.exported(written.items, None)
            if written.lost_items:
                self.counts.exported(written.lost_items, WRITE_FAILED)

    def _write_metrics(self, complete: bool) -> None:
        segment = self._segments["metrics"]
        quiet = _NEVER_LAST if complete else _OWN_METRICS
        if self.collect is not None:
            self.collect()
        while self._metrics:
            # A new file stands on its own: it begins with every series.
            whole = not segment.is_open or segment.segments != self._metric_segment
            lines = self._metric_encoder.encode(self._metrics.popleft(), whole=whole, quiet=quiet)
            if lines:
                self._write(segment, lines)
                if whole:
                    self._metric_segment = segment.segments
        if segment.behind:
            self._write(segment, ())

    def _write_records(self, durable: bool) -> None:
        while self._finished:
            made = performance_json.record(self._finished.popleft())
            if made is not None:
                self._performance.add(made)
        self._performance.flush(durable=durable)

    def _prune(self) -> None:
        files.prune(self.settings.directory / "otlp", "*.jsonl*", self.settings.budget_bytes)
        files.prune(self.settings.directory / "open", "spans-*.jsonl", max(1, self.settings.budget_bytes // 16))
