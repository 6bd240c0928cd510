"""Start records of spans still open, so that a run that was killed shows how far it came.

``open/spans-*.jsonl`` holds OTLP lines of spans without an end. While the process lives, the file is locked and its
modification time is renewed with every flush; afterwards that time is when the abandoned spans were last seen.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING, Final

from agent_otel.store import files
from agent_otel.store.encode import SpanEncoder
from agent_otel.store.segments import new_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

OPEN_SECONDS: Final = 1.0
"""Spans shorter than this are never written here."""
_COMPACT_BYTES: Final = 4 * 1024 * 1024


class OpenSpans:
    """The spans of this process that have started and not ended.

    ``started`` and ``ended`` are called on the program's threads and only touch dicts; ``flush`` is the writer's.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        complaints: files.Complaints,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path: Path | None = None
        self._folder = folder
        self._stem = stem
        self._complaints = complaints
        self._wall = wall
        self._encoder = SpanEncoder()
        self._young: dict[int, ReadableSpan] = {}
        self._recorded: dict[int, ReadableSpan] = {}
        self._inherited: frozenset[int] = frozenset()
        self._descriptor = -1
        self._size = 0
        self._compact_at = _COMPACT_BYTES
        self._closed = False

    @property
    def idle(self) -> bool:
        """Whether no span that has a start record is open."""
        return not self._recorded

    def started(self, span_id: int, span: ReadableSpan) -> None:
        """Remember a span that began."""
        self._young[span_id] = span

    def ended(self, span_id: int) -> None:
        """Forget a span that ended."""
        if self._young.pop(span_id, None) is None:
            self._recorded.pop(span_id, None)

    def inherited(self, span_id: int) -> bool:
        """Whether the span was open when this process was forked: it is the parent's to record."""
        return span_id in self._inherited

    def flush(self, *, idle: bool) -> None:
        """Write spans that came of age; renew the heartbeat, or empty the file if it was ``idle`` before the flush.

        ``idle`` is read before the ended spans are written: a start record goes only after its end is in a segment.
        """
        if self._closed:
            return
        grown = self._come_of_age(self._wall() - int(OPEN_SECONDS * 1e9))
        try:
            if self._descriptor >= 0 and self.path is not None and not files.is_current(self._descriptor, self.path):
                self._close()
            if self._descriptor < 0:
                if self._recorded:
                    self._append(list(self._recorded.values()))
            elif idle and not self._recorded:
                self._empty()
            elif grown:
                self._append(grown)
            elif self._size > self._compact_at:
                self._rewrite()
            elif os.utime in os.supports_fd:
                os.utime(self._descriptor)
            elif self.path is not None:
                os.utime(self.path)
        except OSError as error:
            self._complaints.say(self.path or self._folder, error)
            self._remove()

    def close(self) -> None:
        """At a clean exit: remove the file, or leave it to tell of the spans that never ended."""
        if self._closed:
            return
        self._closed = True
        self._come_of_age(None)
        try:
            if self._recorded:
                self._rewrite()
            else:
                self._remove()
        except OSError as error:
            self._complaints.say(self.path or self._folder, error)
        self._close()

    def abandon(self, stem: str) -> None:
        """After a fork: the spans open now and the file are the parent's; close our copy without touching them."""
        self._stem = stem
        self._closed = False
        self._inherited = self._inherited | frozenset(self._young) | frozenset(self._recorded)
        self._young.clear()
        self._recorded.clear()
        self._close()

    def _come_of_age(self, before: int | None) -> list[ReadableSpan]:
        grown: list[ReadableSpan] = []
        for span_id, span in list(self._young.items()):
            # The start of a run is written at once: killed in its first second, it must not look like its first call.
            if before is not None and span.parent is not None and (span.start_time or 0) > before:
                continue
            # Into the one before out of the other: a span that ends in between is found in one of them.
            self._recorded[span_id] = span
            if self._young.pop(span_id, None) is None:
                self._recorded.pop(span_id, None)
            else:
                grown.append(span)
        return grown

    def _rewrite(self) -> None:
        self._empty()
        self._append(list(self._recorded.values()))
        self._compact_at = max(_COMPACT_BYTES, 2 * self._size)

    def _empty(self) -> None:
        if self._size:
            os.ftruncate(self._descriptor, 0)
            self._size = 0

    def _append(self, spans: Iterable[ReadableSpan]) -> None:
        if self._descriptor < 0:
            self.path = self._folder / f"spans-{self._stem or new_stem()}.jsonl"
            self._stem = ""
            files.make_folder(self._folder, ignored=True)
            self._descriptor = files.create_locked(self.path)
            self._size = 0
        for line in self._encoder.encode(spans):
            self._size += len(line.data)
            if os.write(self._descriptor, line.data) < len(line.data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _remove(self) -> None:
        if self._descriptor >= 0 and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1
        self._size = 0
