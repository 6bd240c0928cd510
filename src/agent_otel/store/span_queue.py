"""The bounded queue between the program's threads and the store's."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from agent_otel import safe, semconv

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_SWEEP: Final = 512
_OUTLIVING: Final = semconv.LLM_OPERATIONS | {semconv.INVOKE_AGENT, semconv.INVOKE_WORKFLOW}


def outlives(span: ReadableSpan) -> bool:
    """Whether the span is of an LLM call, agent, run or task: when the queue is full, these are kept longest."""
    attributes = span.attributes
    if not attributes:
        return False
    return attributes.get(semconv.OPERATION_NAME) in _OUTLIVING or semconv.TASK_TYPE in attributes


class SpanQueue:
    """Ended spans on their way to the writer. ``put`` takes no lock unless the queue is full."""

    def __init__(self, limit: int) -> None:
        self._limit = max(1, limit)
        self._spans: deque[ReadableSpan] = deque()
        self._lock = threading.Lock()
        self._dropped = 0
        self._warned = False

    def __len__(self) -> int:
        return len(self._spans)

    def put(self, span: ReadableSpan) -> None:
        """Queue ``span``; when the queue is full drop it, or others that it outlives."""
        if len(self._spans) < self._limit or self._make_room(span):
            self._spans.append(span)

    def take(self, count: int) -> list[ReadableSpan]:
        """The oldest spans, at most ``count``; for one thread at a time."""
        taken: list[ReadableSpan] = []
        try:
            while len(taken) < count:
                taken.append(self._spans.popleft())
        except IndexError:
            pass
        return taken

    def drop(self, spans: int, *, quietly: bool = False) -> None:
        """Count spans that are given up, and warn of the first unless it is given up ``quietly``."""
        with self._lock:
            self._dropped += spans
            first = not self._warned and not quietly
            self._warned = self._warned or first
        if first:
            safe.warn("the store's queue is full; spans are dropped and counted")

    def take_dropped(self) -> int:
        """How many spans were given up since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def _make_room(self, span: ReadableSpan) -> bool:
        room = 0
        if outlives(span):
            with self._lock:
                spared: list[ReadableSpan] = []
                for oldest in self.take(_SWEEP):
                    if outlives(oldest):
                        spared.append(oldest)
                    else:
                        room += 1
                # At the other end, so that the next sweep looks at others.
                self._spans.extend(spared)
        self.drop(room or 1)
        return room > 0
