"""What a replay needs to know of a task graph: how long units and passes take, at given factors.

Units take what they took. How often director and strategist run depends on the schedule, so that theirs are
expectations: the mean of what was recorded, the first pass (a cold start) apart; calls that they make once per task
count per task. A director with nothing to hand out takes what it took when it had nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.analysis.loop import Loop, Seen, loop_of
from agent_otel.analysis.serialised import Serialised, serialised
from agent_otel.analysis.work import TOP, Factors, Parts, Work, Works, evaluate, merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.taskgraph import TaskGraph


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a unit: its time by category, and the lock that it holds meanwhile."""

    parts: Parts
    lock: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one part of a pass takes: the first time, later, and for each task on top."""

    first: Parts
    later: Parts
    each: Parts

    def parts(self, number: int, tasks: int) -> Parts:
        """The expected time of the turn of that number with so many tasks."""
        found = dict(self.first if number == 0 else self.later)
        merge(found, self.each, tasks)
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a replay needs. ``lag`` is what passes between handing out a unit and its start; ``closed`` if
    the node that hands out runs once more when all is done."""

    opening: Parts
    units: tuple[tuple[Stage, ...], ...]
    collect: Turn
    dispatch: Turn
    idle: Turn
    closed: bool
    lag: Parts
    closing: Parts


class Planner:
    """Makes plans of one task graph at any factors; its spans are looked at once."""

    def __init__(self, graph: TaskGraph, works: Works) -> None:
        self.graph = graph
        self.works = works
        self.locks: Serialised = serialised(graph, works)
        self.loop: Loop = loop_of(graph, works)
        self.label = works.top_label if graph.scope == TOP else works.label_of[graph.scope]
        self._units = [self._stages(place) for place in range(len(graph.units))]
        children = list(works.children.get(graph.scope, ()))
        opened = max((graph.run.spans[node].end for node in graph.opening), default=graph.units[0].start)
        opened = min(opened, graph.units[0].start)
        self._opening = works.stretch(children, graph.start, opened, self.label)
        self._closing = works.stretch(children, self.loop.end, max(self.loop.end, graph.end), self.label)

    def _stages(self, place: int) -> list[tuple[Work, str | None]]:
        unit = self.graph.units[place]
        held = self.locks.held.get(place)
        label = self.works.label_of[unit.position]
        children = self.works.children.get(unit.position, ())
        if held is None:
            return [(self.works.of(unit.position), None)]
        call = self.graph.run.spans[held.call]
        return [
            (self.works.stretch(children, unit.start, call.start - held.waited, label), None),
            (self.works.of(held.call), held.lock),
            (self.works.stretch(children, call.end, unit.end, label), None),
        ]

    def plan(self, factors: Factors, *, locked: bool = True) -> Plan:
        """The plan at these factors; without locks if not ``locked``."""
        labels = self.works.labels

        def parts(work: Work) -> Parts:
            return evaluate(work, factors, labels)

        def seen(found: Sequence[Seen], *, cold: bool = False) -> Turn:
            return _turn([(parts(once), parts(each), tasks) for once, each, tasks in found], cold=cold)

        return Plan(
            opening=parts(self._opening),
            units=tuple(
                tuple(Stage(parts(work), lock if locked else None) for work, lock in stages) for stages in self._units
            ),
            collect=seen(self.loop.collect),
            dispatch=seen(self.loop.dispatch, cold=self.loop.warm),
            idle=seen(self.loop.idle) if self.loop.idle else seen(self.loop.dispatch, cold=self.loop.warm),
            closed=self.loop.closed,
            lag={semconv.OWN: self.loop.lag * factors[self.label]},
            closing=parts(self._closing),
        )


def _turn(seen: Sequence[tuple[Parts, Parts, int]], *, cold: bool = False) -> Turn:
    """What was seen, averaged. ``cold`` if the first that was seen is over before the first turn."""
    if not seen:
        return Turn({}, {}, {})
    later = mean([one for one, _, _ in seen[1:]] or [seen[0][0]])
    each: Parts = {}
    tasks = sum(number for _, _, number in seen)
    for _, per_task, _ in seen:
        merge(each, per_task, 1 / tasks if tasks else 0)
    return Turn(later if cold else seen[0][0], later, each)


def mean(seen: Sequence[Parts]) -> Parts:
    """The mean of some durations by category."""
    found: Parts = {}
    for parts in seen:
        merge(found, parts, 1 / len(seen))
    return found
