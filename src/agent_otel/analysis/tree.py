"""The spans of a run arranged for walking backwards in time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.intervals import previous_longer
from agent_otel.store.model import COVERING_WAITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.reader import Run

TOP: Final = -1
"""The position that stands for the run itself, above its spans without parents."""


@dataclass(slots=True)
class Timeline:
    """Some spans (positions in the run) ordered so that the last one that fits is the one to take.

    Order: start, then span id backwards: of two with equal start the one with the smaller id comes last.
    """

    members: list[int] = field(default_factory=list[int])
    starts: list[int] = field(default_factory=list[int])
    ends: list[int] = field(default_factory=list[int])
    longer: list[int] = field(default_factory=list[int])
    latest: list[int] = field(default_factory=list[int])
    """For each prefix the place of the latest end in it."""

    def last_before(self, time: int) -> int | None:
        """Of the spans that started before ``time`` the one that ends last, those still running counted as ending
        then; of several the one that started last. None if none started.
        """
        count = bisect_left(self.starts, time)
        if not count:
            return None
        if self.ends[self.latest[count - 1]] < time:
            return self.members[self.latest[count - 1]]
        place = count - 1
        while self.ends[place] < time:
            place = self.longer[place]
        return self.members[place]


def timeline(members: Sequence[int], starts: Sequence[int], ends: Sequence[int], ids: Sequence[str]) -> Timeline:
    """A timeline of these positions; the other arguments are of all spans, by position."""
    ordered = sorted(members, key=ids.__getitem__, reverse=True)
    ordered.sort(key=starts.__getitem__)
    own_ends = [ends[member] for member in ordered]
    latest: list[int] = []
    for place, end in enumerate(own_ends):
        latest.append(place if not latest or end >= own_ends[latest[-1]] else latest[-1])
    return Timeline(ordered, [starts[member] for member in ordered], own_ends, previous_longer(own_ends), latest)


class Tree:
    """A run's spans by their place on the path.

    A span lies under its parent, or, if it started after that had ended, under the nearest ancestor that was still
    running: that is who could have waited for it. ``ends`` are the ends with all that lies below.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        spans = run.spans
        self.starts = [span.start for span in spans]
        self.ids = [span.span_id for span in spans]
        own_ends = [span.end for span in spans]
        reasons = [span.wait_reason for span in spans]
        self.working = [not span.annotation for span in spans]
        self.lasting = [
            working or reason in COVERING_WAITS for working, reason in zip(self.working, reasons, strict=True)
        ]
        self.homes = [self._home(position, own_ends) for position in range(len(spans))]
        self.ends = self._ends_with_descendants(own_ends)
        work: dict[int, list[int]] = {}
        covering: dict[int, list[int]] = {}
        self.blocking: dict[int, list[int]] = {}
        for position, home in enumerate(self.homes):
            reason = reasons[position]
            if self.working[position]:
                work.setdefault(home, []).append(position)
            elif reason in COVERING_WAITS:
                covering.setdefault(home, []).append(position)
            elif reason in (semconv.QUEUE, semconv.BARRIER, semconv.LOCK):
                self.blocking.setdefault(home, []).append(position)
        self.work = {home: timeline(found, self.starts, self.ends, self.ids) for home, found in work.items()}
        self.covering = {home: timeline(found, self.starts, own_ends, self.ids) for home, found in covering.items()}
        self.by_end = sorted(
            (position for position in range(len(spans)) if self.working[position]), key=own_ends.__getitem__
        )
        self.sorted_ends = [own_ends[position] for position in self.by_end]

    def _home(self, position: int, own_ends: Sequence[int]) -> int:
        above = self.run.parents[position]
        while above != TOP and (self.starts[position] >= own_ends[above] or not self.working[above]):
            above = self.run.parents[above]
        return above

    def _ends_with_descendants(self, own_ends: Sequence[int]) -> list[int]:
        ends = list(own_ends)
        waiting = [0] * len(ends)
        for position, home in enumerate(self.homes):
            if home != TOP and self.lasting[position]:
                waiting[home] += 1
        ready = [position for position, count in enumerate(waiting) if not count]
        while ready:
            position = ready.pop()
            home = self.homes[position]
            if home == TOP or not self.lasting[position]:
                continue
            ends[home] = max(ends[home], ends[position])
            waiting[home] -= 1
            if not waiting[home]:
                ready.append(home)
        return ends

    def lineage(self, position: int) -> list[int]:
        """The span and what it lies under, upwards, without the run itself."""
        found: list[int] = []
        while position != TOP:
            found.append(position)
            position = self.homes[position]
        return found

    def ended_within(self, start: int, end: int, outside: frozenset[int]) -> int | None:
        """The work span that ended last in (start, end], none of ``outside``; None if there is none."""
        place = bisect_right(self.sorted_ends, end) - 1
        while place >= 0 and self.sorted_ends[place] > start:
            found = self.by_end[place]
            if found not in outside and self.starts[found] < end:
                return found
            place -= 1
        return None
