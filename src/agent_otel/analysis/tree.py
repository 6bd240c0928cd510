"""The spans of a run arranged for walking backwards in time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.intervals import previous_longer
from agent_otel.store.assemble import top_down
from agent_otel.store.model import COVERING_WAITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.reader import Run

TOP: Final = -1
"""The position that stands for the run itself, above its spans without parents."""
BLOCKING_WAITS: Final = frozenset({semconv.QUEUE, semconv.BARRIER, semconv.LOCK})
"""Waits that point at what they waited for."""


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
    ordered = members
    own_starts = [starts[member] for member in members]
    if any(start >= following for start, following in pairwise(own_starts)):
        ordered = sorted(members, key=ids.__getitem__, reverse=True)
        ordered.sort(key=starts.__getitem__)
        own_starts = [starts[member] for member in ordered]
    own_ends = [ends[member] for member in ordered]
    latest: list[int] = []
    last = 0
    for place, end in enumerate(own_ends):
        if end >= own_ends[last]:
            last = place
        latest.append(last)
    return Timeline(list(ordered), own_starts, own_ends, previous_longer(own_ends), latest)


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
        self._own_ends = [span.end for span in spans]
        self.working = [not span.annotation for span in spans]
        self.homes = self._homes()
        self.ends = self._ends_with_descendants()
        self._work: dict[int, list[int]] = {}
        self._covering: dict[int, list[int]] = {}
        self.blocking: dict[int, list[int]] = {}
        for position, (span, home) in enumerate(zip(spans, self.homes, strict=True)):
            if not span.annotation:
                kind = self._work
            elif span.wait_reason in COVERING_WAITS:
                kind = self._covering
            elif span.wait_reason in BLOCKING_WAITS:
                kind = self.blocking
            else:
                continue
            if home in kind:
                kind[home].append(position)
            else:
                kind[home] = [position]
        self.inner = {*self._work, *self._covering, *self.blocking}
        """The positions under which anything lies."""
        self._lines: dict[int, Timeline | None] = {}
        self._covering_lines: dict[int, Timeline | None] = {}

    def work(self, position: int) -> Timeline | None:
        """The work that lies directly under a span, or under the run itself; None if there is none."""
        if position not in self._lines:
            found = self._work.get(position)
            self._lines[position] = None if found is None else timeline(found, self.starts, self.ends, self.ids)
        return self._lines[position]

    def covering(self, position: int) -> Timeline | None:
        """The waits directly under a span that stand for themselves on the critical path; None if there are none."""
        if position not in self._covering_lines:
            found = self._covering.get(position)
            self._covering_lines[position] = (
                None if found is None else timeline(found, self.starts, self._own_ends, self.ids)
            )
        return self._covering_lines[position]

    @cached_property
    def by_end(self) -> list[int]:
        """The work spans in the order of their ends."""
        working = [position for position, works in enumerate(self.working) if works]
        return sorted(working, key=self._own_ends.__getitem__)

    @cached_property
    def sorted_ends(self) -> list[int]:
        """The ends of ``by_end``."""
        return [self._own_ends[position] for position in self.by_end]

    def _homes(self) -> list[int]:
        homes: list[int] = []
        parents, ends, working = self.run.parents, self._own_ends, self.working
        for start, parent in zip(self.starts, parents, strict=True):
            above = parent
            while above != TOP and (start >= ends[above] or not working[above]):
                above = parents[above]
            homes.append(above)
        return homes

    def _ends_with_descendants(self) -> list[int]:
        """Ends that reach as far as those of the work and covering waits below."""
        ends = list(self._own_ends)
        lasting = [not span.annotation or span.wait_reason in COVERING_WAITS for span in self.run.spans]
        for position in reversed(self._bottom_last()):
            home = self.homes[position]
            if home != TOP and lasting[position] and ends[position] > ends[home]:
                ends[home] = ends[position]
        return ends

    def _bottom_last(self) -> Sequence[int]:
        """Positions in an order in which every home comes before what lies under it."""
        if all(home < position for position, home in enumerate(self.homes)):
            return range(len(self.homes))
        return top_down(self.homes)

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
