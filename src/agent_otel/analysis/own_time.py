"""When each span worked itself: its interval without those of its children and of the pauses in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_otel.analysis import intervals
from agent_otel.analysis.accounting import PAUSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_otel.store.reader import Run


def own_intervals(run: Run) -> list[list[intervals.Interval]]:
    """For each span the disjoint intervals that its self time consists of; none for annotations."""
    inside: list[list[intervals.Interval]] = [[] for _ in run.spans]
    for span, above in zip(run.spans, run.parents, strict=True):
        if above != -1 and (not span.annotation or span.wait_reason in PAUSES):
            inside[above].append((span.start, span.end))
    return [
        [] if span.annotation else without(span.start, span.end, covered)
        for span, covered in zip(run.spans, inside, strict=True)
    ]


def without(start: int, end: int, covered: Iterable[intervals.Interval]) -> list[intervals.Interval]:
    """[start, end) without what these intervals cover."""
    left: list[intervals.Interval] = []
    time = start
    for low, high in intervals.union(intervals.clipped(covered, start, end)):
        if low > time:
            left.append((time, low))
        time = high
    if time < end:
        left.append((time, end))
    return left
