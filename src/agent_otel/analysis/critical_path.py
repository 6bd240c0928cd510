"""The critical path: which work the run was waiting for at every moment, walked back from its end.

At time t in span S take the child that released what ran next (depends_on, link, trigger), else the one that ends
last at or before t, one still running at t counting as ending at t. Charge the gap to S's category, descend, and
continue at the child's start. The segments tile the run exactly.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.releases import SLACK, Releases
from agent_otel.analysis.tree import TOP, Tree

if TYPE_CHECKING:
    from agent_otel.store.reader import Run, Span


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the critical path: ``category`` of work, or the reason of a wait that no work covers.

    ``span`` is what it is charged to, None for time in which no span ran.
    """

    start: int
    end: int
    category: str
    span: Span | None

    @property
    def duration(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """Segments in the order of time; they cover the run from start to end without gap or overlap."""

    segments: tuple[Segment, ...]

    @property
    def by_category(self) -> dict[str, int]:
        """Nanoseconds by category; they sum to the run's wall time."""
        total: Counter[str] = Counter()
        for segment in self.segments:
            total[segment.category] += segment.duration
        return dict(total)


@dataclass(slots=True)
class _Walk:
    """The part of one span's subtree that is still to be walked: from ``time`` back to ``start``.

    ``released`` is the child that ran next after ``time``. A ``detour`` to what blocked a wait makes no detours.
    """

    position: int
    start: int
    time: int
    detour: bool
    released: int | None = None


_Gap = tuple[int, int, int]
"""Start, end and the position of the span charged; TOP for the run itself."""
_CATEGORY_OF_NOTHING: Final = semconv.OWN


def critical_path(run: Run) -> CriticalPath:
    """The critical path of a run; linear in its spans but for sorting them."""
    return _Walker(run).walk()


class _Walker:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.tree = Tree(run)
        self.releases = Releases(self.tree)
        self.queued: dict[int, tuple[list[int], list[int]]] = {}
        self.segments: list[Segment] = []
        self.pending: list[_Walk | _Gap] = []

    def walk(self) -> CriticalPath:
        self.pending.append(_Walk(TOP, self.run.start, self.run.end, detour=False))
        while self.pending:
            item = self.pending.pop()
            if isinstance(item, tuple):
                self._charge(*item)
            elif item.time > item.start:
                self._step(item)
        self.segments.reverse()
        return CriticalPath(tuple(self.segments))

    def _step(self, walk: _Walk) -> None:
        """Take the child that the walk's span was waiting for before ``walk.time``."""
        child, between = self._choose(walk)
        if child is None or min(self.tree.ends[child], walk.time) <= walk.start:
            self._leave_gap(walk, walk.start)
            return
        end = min(self.tree.ends[child], walk.time)
        start = max(self.tree.starts[child], walk.start)
        released = walk.released if between and not self.releases.of(child) else child
        self.pending.append(_Walk(walk.position, walk.start, start, walk.detour, released))
        # most spans are leaves: all of their time is their own
        self.pending.append(_Walk(child, start, end, walk.detour) if child in self.tree.inner else (start, end, child))
        if end < walk.time:
            self._leave_gap(walk, end)

    def _choose(self, walk: _Walk) -> tuple[int | None, bool]:
        """The child, and whether it merely ran between what ran next and what released that."""
        line = self.tree.work(walk.position)
        last = line.last_before(walk.time) if line is not None else None
        if last is None or walk.released is None:
            return last, False
        releaser = self.releases.releaser(walk.released, walk.time)
        if releaser is None or releaser == last:
            return last, False
        end = min(self.tree.ends[releaser], walk.time)
        if self.tree.starts[last] >= end - SLACK:
            return last, True
        held = self.releases.held(releaser, walk.released, end, walk.time)
        return (last if held else releaser), False

    def _leave_gap(self, walk: _Walk, start: int) -> None:
        """Fill [start, walk.time), in which no child worked: with waits, with what blocked it, with own time."""
        pieces: list[_Walk | _Gap] = []
        covering = self.tree.covering(walk.position)
        time = walk.time
        while time > start:
            wait = covering.last_before(time) if covering is not None else None
            end = start if wait is None else max(start, min(time, self.run.spans[wait].end))
            if end < time:
                pieces.extend(self._own(walk, end, time))
            if wait is None or end == start:
                break
            time = max(start, self.tree.starts[wait])
            pieces.append((time, end, wait))
        self.pending.extend(reversed(pieces))

    def _own(self, walk: _Walk, start: int, end: int) -> list[_Walk | _Gap]:
        """Time of the span itself, latest first; where it was blocked, what it was blocked by."""
        pieces: list[_Walk | _Gap] = []
        time = end
        while not walk.detour and (blocked := self._blocked(walk.position, start, time)) is not None:
            low, high = blocked
            pieces.append((high, time, walk.position))
            pieces.extend(self._blockers(walk.position, low, high))
            time = low
        pieces.append((start, time, walk.position))
        return pieces

    def _blockers(self, position: int, start: int, end: int) -> list[_Walk | _Gap]:
        """What a wait in this span pointed at: the work of other branches that ended last in it."""
        outside = frozenset(self.tree.lineage(position))
        pieces: list[_Walk | _Gap] = []
        time = end
        while time > start and (blocker := self.tree.ended_within(start, time, outside)) is not None:
            finish = self.run.spans[blocker].end
            begin = max(self.tree.starts[blocker], start)
            pieces.append((finish, time, position))
            pieces.append(_Walk(blocker, begin, finish, detour=True))
            time = begin
        pieces.append((start, time, position))
        return pieces

    def _blocked(self, position: int, start: int, end: int) -> tuple[int, int] | None:
        """The latest part of [start, end) in which a lock was awaited, or what ran at ``end`` was in a queue."""
        if position not in self.tree.blocking:
            return None
        if position not in self.queued:
            found = sorted(
                (wait for wait in self.tree.blocking[position] if self._detours(wait)),
                key=lambda wait: self.run.spans[wait].end,
            )
            self.queued[position] = found, [self.run.spans[wait].end for wait in found]
        waits, ends = self.queued[position]
        place = bisect_right(ends, end + SLACK) - 1
        first = bisect_left(ends, start + 1)
        while place >= first:
            wait = self.run.spans[waits[place]]
            if wait.wait_reason == semconv.LOCK or wait.end >= end - SLACK:
                low, high = max(start, wait.start), min(end, wait.end)
                if low < high:
                    return low, high
            place -= 1
        return None

    def _detours(self, wait: int) -> bool:
        return self.run.spans[wait].wait_reason in (semconv.LOCK, semconv.QUEUE)

    def _charge(self, start: int, end: int, position: int) -> None:
        if end <= start:
            return
        span = None if position == TOP else self.run.spans[position]
        category = _CATEGORY_OF_NOTHING if span is None else span.wait_reason or span.category
        after = self.segments[-1] if self.segments else None
        if after is not None and after.span is span and after.start == end:
            self.segments[-1] = Segment(start, after.end, category, span)
        else:
            self.segments.append(Segment(start, end, category, span))
