"""Time accounting: what every span did itself, what was waited for, and the ratio of the two.

All arithmetic is in integer nanoseconds, so sums are exact.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis import intervals

if TYPE_CHECKING:
    from agent_otel.store.reader import Run

PAUSES: Final = frozenset({semconv.RATE_LIMIT, semconv.RETRY, semconv.APPROVAL, semconv.LOCK})
"""Waits that stop the span in which they lie. A queue, barrier or dependency wait beside a task or node says
nothing about its parent, which may be working meanwhile."""
RATIO_REASONS: Final = tuple(reason for reason in semconv.WAIT_REASONS if reason != semconv.DEPENDENCY)


@dataclass(frozen=True, slots=True)
class Accounting:
    """The time of one run, in nanoseconds.

    ``self_times`` has one entry per span of the run: its interval minus the union of its children's, clipped to
    it; zero for annotations. ``busy`` sums them by category, ``waits`` the durations of waits by reason.
    """

    self_times: tuple[int, ...]
    busy: dict[str, int]
    waits: dict[str, int]

    @property
    def work(self) -> int:
        """All self time together, LLM calls included."""
        return sum(self.busy.values())

    @property
    def waiting(self) -> int:
        """Time in which something was ready but not running: every wait except for dependencies."""
        return waiting(self.waits)

    @property
    def ratio(self) -> float | None:
        """Wait divided by work; None without work."""
        return self.waiting / self.work if self.work else None


def waiting(waits: dict[str, int]) -> int:
    """The nanoseconds of these waits that count in the wait/work ratio."""
    return sum(nanoseconds for reason, nanoseconds in waits.items() if reason != semconv.DEPENDENCY)


def account(run: Run) -> Accounting:
    """Self times, busy time by category and wait time by reason."""
    occupied: dict[int, list[intervals.Interval]] = {}
    waits: Counter[str] = Counter()
    for span, above in zip(run.spans, run.parents, strict=True):
        reason = span.wait_reason
        if reason is not None:
            waits[reason] += span.end - span.start
        if above != -1 and (not span.annotation or reason in PAUSES):
            inside = occupied.get(above)
            if inside is None:
                occupied[above] = [(span.start, span.end)]
            else:
                inside.append((span.start, span.end))
    busy: Counter[str] = Counter()
    self_times: list[int] = []
    for position, span in enumerate(run.spans):
        own = 0
        if not span.annotation:
            own = span.end - span.start
            if position in occupied:
                own -= intervals.covered(occupied[position], span.start, span.end)
            busy[span.category] += own
        self_times.append(own)
    return Accounting(tuple(self_times), dict(busy), dict(waits))
