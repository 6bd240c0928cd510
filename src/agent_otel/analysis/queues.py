"""The answer of ``agent-otel queue``: how many are ready, active and waiting, for how long, and what follows what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.accounting import account
from agent_otel.analysis.items import enclosing, item_name, items, owners, task_id
from agent_otel.analysis.own_time import without
from agent_otel.analysis.ratios import Ratio, Window, evenly, ratios, windows
from agent_otel.analysis.summary import RunInfo, run_info
from agent_otel.analysis.transitions import Loop, Transition, loop, transitions
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agent_otel.analysis.intervals import Interval
    from agent_otel.store.reader import Run

_STATE_OF_WAIT: Final = {
    semconv.QUEUE: semconv.READY,
    semconv.BARRIER: semconv.WAITING,
    semconv.DEPENDENCY: semconv.WAITING,
}
WINDOWS: Final = 10


@dataclass(frozen=True, slots=True)
class Depth:
    """How many items there are from ``at_seconds`` (since the run's start) until the next depth."""

    at_seconds: float
    ready: int
    active: int
    waiting: int

    def of(self, state: str) -> int:
        """The number in one of ``semconv.QUEUE_STATES``."""
        return {semconv.READY: self.ready, semconv.ACTIVE: self.active, semconv.WAITING: self.waiting}[state]


@dataclass(frozen=True, slots=True)
class State:
    """One state over the whole run: ``total_seconds`` that items spent in it, ``mean`` = total / wall."""

    state: str
    most: int
    mean: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class QueuedItem:
    """A task (a node in a run without tasks): its wait before it started, its time, and what a barrier held it for.

    ``start_seconds`` since the run's start.
    """

    task: str | None
    task_type: str | None
    name: str
    outcome: str
    waited_seconds: float
    start_seconds: float
    seconds: float
    held_seconds: float


@dataclass(frozen=True, slots=True)
class QueueReport:
    """The queue of one run; ``wait_work_ratio`` is None without work. ``depths`` is empty without items."""

    run: RunInfo
    states: tuple[State, ...]
    tasks: tuple[QueuedItem, ...]
    transitions: tuple[Transition, ...]
    loop: Loop | None
    wait_work_ratio: float | None
    agents: tuple[Ratio, ...]
    nodes: tuple[Ratio, ...]
    task_types: tuple[Ratio, ...]
    windows: tuple[Window, ...]
    depths: tuple[Depth, ...]
    warnings: tuple[str, ...]


def queue_report(
    run: Run, *, loop_node: str | None = None, window_count: int = WINDOWS, problems: Iterable[str] = ()
) -> QueueReport:
    """The queue of a run. ``UnknownNodeError`` if no node is named ``loop_node``."""
    series = depths(run)
    by_kind = ratios(run)
    return QueueReport(
        run=run_info(run),
        states=states(run, series),
        tasks=queued(run),
        transitions=transitions(run),
        loop=loop(run, loop_node),
        wait_work_ratio=account(run).ratio,
        agents=by_kind["agents"].ranked(),
        nodes=by_kind["nodes"].ranked(),
        task_types=by_kind["task_types"].ranked(),
        windows=windows(run, evenly(run, window_count)),
        depths=series,
        warnings=(*problems, *run.warnings),
    )


def depths(run: Run) -> tuple[Depth, ...]:
    """Every change of the queue's depth, the last one at the run's end.

    Ready are items in a queue wait, waiting those in a barrier or dependency wait; active are nodes and tasks that run
    and have no other running inside them, so that a node around a subgraph does not count beside its inner nodes.
    """
    changes: dict[int, Counter[str]] = {}
    for state, start, end in _stays(run):
        low, high = max(start, run.start), min(end, run.end)
        if low < high:
            changes.setdefault(low, Counter())[state] += 1
            changes.setdefault(high, Counter())[state] -= 1
    series: list[Depth] = []
    now: Counter[str] = Counter()
    for time in sorted(changes):
        now.update(changes[time])
        found = Depth((time - run.start) / 1e9, now[semconv.READY], now[semconv.ACTIVE], now[semconv.WAITING])
        if not series or any(series[-1].of(state) != found.of(state) for state in semconv.QUEUE_STATES):
            series.append(found)
    if series and series[0].at_seconds:
        series.insert(0, Depth(0.0, 0, 0, 0))
    return tuple(series)


def _stays(run: Run) -> Iterator[tuple[str, int, int]]:
    """State, start and end of every stay in a state."""
    for span in run.spans:
        state = _STATE_OF_WAIT.get(span.wait_reason or "")
        if state is not None:
            yield state, span.start, span.end
    members = items(run)
    inside: dict[int, list[Interval]] = {}
    for position, outer in enclosing(run, members).items():
        span = run.spans[position]
        inside.setdefault(outer, []).append((span.start, span.end))
    for position in members:
        span = run.spans[position]
        for start, end in without(span.start, span.end, inside.get(position, ())):
            yield semconv.ACTIVE, start, end


def states(run: Run, series: Sequence[Depth]) -> tuple[State, ...]:
    """Maximum and mean of every state over time."""
    wall = run.wall / 1e9
    found: list[State] = []
    for state in semconv.QUEUE_STATES:
        total = sum(depth.of(state) * (end - depth.at_seconds) for depth, end in _lasting(series, wall))
        most = max((depth.of(state) for depth in series), default=0)
        found.append(State(state, most, total / wall if wall else 0.0, total))
    return tuple(found)


def _lasting(series: Sequence[Depth], wall: float) -> Iterator[tuple[Depth, float]]:
    """Each depth with the moment until which it lasted."""
    ends = [*(depth.at_seconds for depth in series[1:]), wall]
    yield from zip(series, ends, strict=False)


def sampled(series: Sequence[Depth], state: str, wall: float, count: int) -> list[float]:
    """The mean depth of a state in each of ``count`` equal parts of ``wall`` seconds."""
    sums = [0.0] * count
    if wall <= 0:
        return sums
    part = wall / count
    for depth, end in _lasting(series, wall):
        start = depth.at_seconds
        while start < end and depth.of(state):
            place = min(int(start / part), count - 1)
            upto = end if place == count - 1 else min(end, (place + 1) * part)
            if upto <= start:  # rounding: start lies on the edge of the next part
                place, upto = place + 1, min(end, (place + 2) * part)
            sums[place] += depth.of(state) * (upto - start)
            start = upto
    return [total / part for total in sums]


def queued(run: Run) -> tuple[QueuedItem, ...]:
    """The tasks in the order in which they started; where none has an id, all nodes and tasks.

    A task inside a node of the same id is the same task: the outer one is listed.
    """
    members = items(run)
    outer = enclosing(run, members)
    if any(task_id(run.spans[position]) for position in members):
        members = [
            position
            for position in members
            if (task := task_id(run.spans[position])) is not None
            and (outer[position] == -1 or task_id(run.spans[outer[position]]) != task)
        ]
    waited, held = _waits(run, outer)
    found: list[QueuedItem] = []
    for position in members:
        span = run.spans[position]
        found.append(
            QueuedItem(
                task=task_id(span),
                task_type=text(span, semconv.TASK_TYPE),
                name=item_name(span),
                outcome=span.outcome,
                waited_seconds=waited[position] / 1e9,
                start_seconds=(span.start - run.start) / 1e9,
                seconds=span.duration / 1e9,
                held_seconds=held[position] / 1e9,
            )
        )
    return tuple(found)


def _waits(run: Run, outer: Mapping[int, int]) -> tuple[Counter[int], Counter[int]]:
    """Nanoseconds of queue waits and of barrier waits, by item; those of an inner item of a task are the task's."""
    waited: Counter[int] = Counter()
    held: Counter[int] = Counter()
    for wait, item in owners(run).items():
        place, task = item, task_id(run.spans[item])
        while task is not None and outer[place] != -1 and task_id(run.spans[outer[place]]) == task:
            place = outer[place]
        chosen = waited if run.spans[wait].wait_reason == semconv.QUEUE else held
        chosen[place] += run.spans[wait].duration
    return waited, held
