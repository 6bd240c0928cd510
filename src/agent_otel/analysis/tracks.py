"""Spans laid out on tracks, as trace viewers need them: what overlaps on one track is nested, nothing else overlaps.

A child lies on its parent's track if it fits there; what runs beside it, another worker, gets the first track that is
free (greedy interval colouring). A barrier wait follows its node, a pause lies in the span that paused; other waits
and supersteps have tracks of their own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.accounting import PAUSES
from agent_otel.analysis.items import item_name, owners
from agent_otel.store.assemble import top_down

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.store.reader import Run, Span

WORK: Final = "work"
WAITS: Final = "waits"
STEPS: Final = "supersteps"


@dataclass(slots=True)
class Track:
    """A line of a viewer: the positions of its slices by start, outer ones first, and how deep each is nested.

    ``kind`` is ``work`` (pauses and barrier waits included), ``waits`` or ``supersteps``.
    """

    kind: str
    name: str = ""
    slices: list[int] = field(default_factory=list[int])
    depths: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Process:
    """The tracks of one process, those of work first. ``name`` is its service's, ``pid`` its id where it is known."""

    name: str
    pid: int | None
    tracks: list[Track] = field(default_factory=list[Track])


@dataclass(frozen=True, slots=True)
class Layout:
    """The processes in the order in which they began, and for each span the indexes of its process and track."""

    processes: tuple[Process, ...]
    places: tuple[tuple[int, int], ...]


def layout(run: Run) -> Layout:
    """Every span of the run on a track."""
    return _Layouter(run).made()


class _Layouter:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.owner = owners(run)
        self.processes: list[Process] = []
        self.of_process: dict[str, int] = {}
        self.places: dict[int, tuple[int, int]] = {}
        self.open: list[list[list[int]]] = []
        """For each process and track the stack of slices that are still open."""
        self.busy: dict[tuple[int, str], tuple[list[tuple[int, int]], list[int]]] = {}
        """For each process and kind when tracks will be free, and which are."""

    def made(self) -> Layout:
        for position in self._outer_first():
            span = self.run.spans[position]
            at = self._process(span)
            self.places[position] = at, self._track(at, position, span)
        orders = [self._ordered(process) for process in self.processes]
        for process in self.processes:
            _name(self.run, process)
        found = (self.places[position] for position in range(len(self.run.spans)))
        return Layout(tuple(self.processes), tuple((at, orders[at][track]) for at, track in found))

    def _outer_first(self) -> list[int]:
        """By start, the longer one first; a child after its parent where both are equal."""
        spans = self.run.spans
        level = [0] * len(spans)
        for position in top_down(self.run.parents):
            above = self.run.parents[position]
            level[position] = 0 if above == -1 else level[above] + 1
        return sorted(
            range(len(spans)), key=lambda position: (spans[position].start, -spans[position].end, level[position])
        )

    def _process(self, span: Span) -> int:
        identity = span.resource.process
        if identity not in self.of_process:
            self.of_process[identity] = len(self.processes)
            pid = span.resource.attributes.get(semconv.PROCESS_PID)
            service = span.resource.attributes.get(semconv.SERVICE_NAME)
            self.processes.append(Process(str(service or "process"), pid if isinstance(pid, int) else None))
            self.open.append([])
        return self.of_process[identity]

    def _track(self, process: int, position: int, span: Span) -> int:
        kind = self._kind(span, position)
        tracks = self.processes[process].tracks
        wanted = self._wanted(process, position, kind)
        if wanted is not None and self._fits(process, wanted, position):
            return self._put(process, wanted, position)
        number = self._first_free(process, kind, span.start)
        if number is None:
            tracks.append(Track(kind))
            self.open[process].append([])
            number = len(tracks) - 1
        return self._put(process, number, position)

    def _first_free(self, process: int, kind: str, time: int) -> int | None:
        """The first track of a kind on which nothing is open; both heaps may name tracks that are taken again."""
        busy, free = self.busy.setdefault((process, kind), ([], []))
        while busy and busy[0][0] <= time:
            heappush(free, heappop(busy)[1])
        while free:
            number = heappop(free)
            if self._free(process, number, time):
                return number
        return None

    def _kind(self, span: Span, position: int) -> str:
        reason = span.wait_reason
        if not span.annotation or reason in PAUSES or (reason == semconv.BARRIER and position in self.owner):
            return WORK
        return STEPS if reason is None else WAITS

    def _wanted(self, process: int, position: int, kind: str) -> int | None:
        """The track of its parent, or of the node that a barrier holds."""
        if kind != WORK:
            return None
        beside = self.owner.get(position, self.run.parents[position])
        at, wanted = self.places.get(beside, (-1, -1))
        return wanted if at == process and self.processes[process].tracks[wanted].kind == WORK else None

    def _fits(self, process: int, number: int, position: int) -> bool:
        """Whether the innermost open slice of the track is an ancestor that lasts as long, or there is none."""
        span = self.run.spans[position]
        if self._free(process, number, span.start):
            return True
        inner = self.open[process][number][-1]
        if self.run.spans[inner].end < span.end:
            return False
        above = self.run.parents[position]
        while above not in (-1, inner):
            above = self.run.parents[above]
        return above == inner

    def _free(self, process: int, number: int, time: int) -> bool:
        """Close what has ended by then; whether nothing is left open."""
        stack = self.open[process][number]
        while stack and self.run.spans[stack[-1]].end <= time:
            stack.pop()
        return not stack

    def _put(self, process: int, number: int, position: int) -> int:
        stack = self.open[process][number]
        track = self.processes[process].tracks[number]
        if not stack:
            busy, _ = self.busy.setdefault((process, track.kind), ([], []))
            heappush(busy, (self.run.spans[position].end, number))
        track.slices.append(position)
        track.depths.append(len(stack))
        stack.append(position)
        return number

    @staticmethod
    def _ordered(process: Process) -> dict[int, int]:
        """Put the tracks of work first, then those of waits, then supersteps; old index -> new."""
        kinds = (WORK, WAITS, STEPS)
        order = sorted(range(len(process.tracks)), key=lambda number: kinds.index(process.tracks[number].kind))
        process.tracks = [process.tracks[number] for number in order]
        return {old: new for new, old in enumerate(order)}


def _name(run: Run, process: Process) -> None:
    """Name each track after what lies outermost on it most often, numbered where several are called the same."""
    names: list[str] = []
    for track in process.tracks:
        outer = Counter(
            item_name(run.spans[position])
            for position, depth in zip(track.slices, track.depths, strict=True)
            if depth == 0 and not run.spans[position].annotation
        )
        names.append(outer.most_common(1)[0][0] if track.kind == WORK and outer else track.kind)
    several = Counter(names)
    numbers: Counter[str] = Counter()
    for track, name in zip(process.tracks, names, strict=True):
        numbers[name] += 1
        track.name = f"{name} {numbers[name]}" if several[name] > 1 else name


def first_moment(run: Run) -> int:
    """When the first span began: a wait may begin before the first work, from which on the run counts."""
    return min(run.start, run.spans[0].start)


def stack_events(run: Run, track: Track) -> Iterator[tuple[bool, int, int]]:
    """Whether a slice opens, its position, and when: balanced, ordered by time, inner ones closed first."""
    stack: list[int] = []
    for position, depth in zip(track.slices, track.depths, strict=True):
        while len(stack) > depth:
            closed = stack.pop()
            yield False, closed, run.spans[closed].end
        yield True, position, run.spans[position].start
        stack.append(position)
    while stack:
        closed = stack.pop()
        yield False, closed, run.spans[closed].end
