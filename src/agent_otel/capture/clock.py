"""One clock for everything: nanoseconds since the epoch that never step back.

Spans of one process are stamped with the monotonic clock plus one offset, so durations stay exact when the wall clock
is stepped. The offset is read again when a run begins, so that a long-lived process keeps to true UTC.
"""

from __future__ import annotations

import time

_TOLERANCE_NS = 10_000_000


class Clock:
    """A monotonic clock that counts from the epoch."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.perf_counter_ns()

    def now(self) -> int:
        """Nanoseconds since the epoch, monotonic within a run."""
        return time.perf_counter_ns() + self._offset

    def align(self) -> None:
        """Follow the wall clock again if it has moved by more than 10 ms; called where no run is open."""
        offset = time.time_ns() - time.perf_counter_ns()
        if abs(offset - self._offset) > _TOLERANCE_NS:
            self._offset = offset


_process = Clock()
now = _process.now
align = _process.align
