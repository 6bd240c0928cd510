"""A program that writes its store while a test looks on."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING

from agent_otel import semconv
from tests.analysis.build import EPOCH, Builder, nanoseconds, otlp_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import IO

    from agent_otel.store.model import State


class Trace(Builder):
    """Spans whose ids are like those of no other trace."""

    def span(
        self,
        name: str,
        start: float,
        end: float,
        parent: str | None = None,
        attributes: semconv.Attributes | None = None,
        *,
        links: Iterable[str] = (),
        status: int = 0,
        process: str | None = None,
        state: State = "ended",
        span_id: str | None = None,
    ) -> str:
        """Any span."""
        span_id = span_id or f"{self.trace_id[:8]}{len(self.spans) + 1:08x}"
        return super().span(
            name,
            start,
            end,
            parent,
            attributes,
            links=links,
            status=status,
            process=process,
            state=state,
            span_id=span_id,
        )


class Program:
    """Its files under ``directory``; ``now`` is the second (of built spans) at which everything was last written."""

    def __init__(self, directory: Path, stem: str = "1-a") -> None:
        self.directory = directory
        self.stem = stem
        self.now = 100.0
        self._open: IO[bytes] | None = None
        self._metrics: IO[bytes] | None = None

    def clock(self) -> int:
        """Nanoseconds since the epoch."""
        return EPOCH + nanoseconds(self.now)

    def path(self, kind: str) -> Path:
        """Its file of spans that are open, of traces or of metrics."""
        folder = self.directory / ("open" if kind == "spans" else "otlp")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{kind}-{self.stem}.jsonl"

    def begin(self, built: Builder, *span_ids: str) -> None:
        """Write start records."""
        if self._open is None:
            self._open = self.path("spans").open("ab", buffering=0)
            fcntl.flock(self._open, fcntl.LOCK_EX)
        spans = [span for span in built.spans if span.span_id in span_ids]
        self._open.write(otlp_line(spans, started_only=True))
        self._touch(self.path("spans"))

    def end(self, built: Builder, *span_ids: str) -> None:
        """Write spans that have ended."""
        spans = [span for span in built.spans if not span_ids or span.span_id in span_ids]
        with self.path("traces").open("ab") as stream:
            stream.write(otlp_line(spans))
        self._touch(self.path("traces"))

    def measure(self, metric: str, values: dict[tuple[str, str], float], *, age: float = 0.0) -> None:
        """Write depths by (queue, state), or seconds by (state, category) counted since ``age`` seconds ago."""
        keys = (semconv.QUEUE_NAME, semconv.QUEUE_STATE)
        if metric == semconv.METRIC_ACTIVITY_TIME:
            keys = (semconv.ACTIVITY_STATE, semconv.ACTIVITY_CATEGORY)
        points: list[dict[str, object]] = [
            {
                "attributes": [
                    {"key": key, "value": {"stringValue": word}} for key, word in zip(keys, words, strict=True)
                ],
                "startTimeUnixNano": str(self.clock() - nanoseconds(age)),
                "timeUnixNano": str(self.clock()),
                "asDouble": value,
            }
            for words, value in values.items()
        ]
        metrics: list[dict[str, object]] = [
            {"name": metric, "unit": "s", "sum": {"aggregationTemporality": 2, "dataPoints": points}},
            {"name": "other", "histogram": {"dataPoints": [{"count": "1"}]}},
        ]
        line: dict[str, object] = {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": metrics}]}]}
        if self._metrics is None:
            self._metrics = self.path("metrics").open("ab", buffering=0)
            fcntl.flock(self._metrics, fcntl.LOCK_EX)
        self._metrics.write(json.dumps(line).encode() + b"\n")
        self._touch(self.path("metrics"))

    def compact(self, built: Builder, *span_ids: str) -> None:
        """Write the start records anew."""
        assert self._open is not None
        self._open.truncate(0)
        if span_ids:
            self.begin(built, *span_ids)

    def die(self) -> None:
        """Let go of the lock, as the system does when the process is killed."""
        if self._metrics is not None:
            self._metrics.close()
        if self._open is not None:
            self._open.close()
            self._touch(self.path("spans"))

    def exit(self) -> None:
        """End cleanly."""
        self.die()
        self.path("spans").unlink()

    def _touch(self, path: Path) -> None:
        os.utime(path, ns=(self.clock(), self.clock()))
