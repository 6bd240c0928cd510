"""What director and strategist took, pass by pass: once, and for each task that they collected or handed out."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from agent_otel import semconv
from agent_otel.analysis.work import Work, Works

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.analysis.passes import Pass
    from agent_otel.analysis.taskgraph import TaskGraph
    from agent_otel.store.reader import Span

Seen: TypeAlias = "tuple[Work, Work, int]"
"""What was done once, what was done for each of some tasks, and how many these were."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What was seen: ``collect`` is a pass without its last node, ``dispatch`` that node (``warm`` where a dispatch
    before the first unit comes first), ``idle`` that node when it had nothing to hand out.

    ``closed`` if it ran once more at the end; then the pass ends at ``end``. ``lag`` is the mean time (nanoseconds)
    from handing out a unit to its start. ``names`` are the nodes of a pass.
    """

    collect: tuple[Seen, ...]
    dispatch: tuple[Seen, ...]
    idle: tuple[Seen, ...]
    warm: bool
    closed: bool
    end: int
    lag: float
    names: tuple[str, ...]


def loop_of(graph: TaskGraph, works: Works) -> Loop:
    """The loop of a graph; empty where nothing runs again and again."""
    return _Observer(graph, works).loop()


class _Observer:
    def __init__(self, graph: TaskGraph, works: Works) -> None:
        self.graph = graph
        self.works = works
        self.spans = graph.run.spans
        taken = {unit.position for unit in graph.units}
        self._around = [child for child in works.children.get(graph.scope, ()) if child not in taken]
        self._starts = [self.spans[child].start for child in self._around]
        self.passes = self._looping()
        self.last = self._last()

    def loop(self) -> Loop:
        """All that was seen of the loop."""
        graph, spans = self.graph, self.spans
        opened = [node for node in graph.opening if spans[node].name == self.last][-1:]
        collecting: list[tuple[Sequence[int], int, int, int]] = []
        handing = [(node, spans[node].end, len(graph.rounds[0])) for node in opened]
        idling: list[tuple[int, int, int]] = []
        for one, nodes in self.passes:
            *before, tail = nodes
            end = max(spans[node].end for node in nodes)
            if spans[tail].name != self.last:
                collecting.append((nodes, one.since, end, one.finished))
                continue
            collecting.append((before, one.since, spans[tail].start, one.finished))
            (handing if one.handed else idling).append((tail, end, one.handed))
        often = self._per_task([(node, tasks) for nodes, _, _, tasks in collecting for node in nodes])
        often_out = self._per_task([(node, tasks) for node, _, tasks in handing])
        collect = tuple(self._seen(nodes, start, end, tasks, often) for nodes, start, end, tasks in collecting)
        dispatch = tuple(self._seen([n], spans[n].start, end, tasks, often_out) for n, end, tasks in handing)
        idle = tuple(self._seen([n], spans[n].start, end, tasks, frozenset()) for n, end, tasks in idling)
        final = self.passes[-1][1] if self.passes else []
        over = max([unit.end for unit in graph.units] + [spans[node].end for node in final])
        names = dict.fromkeys(spans[node].name for _, nodes in self.passes for node in nodes)
        closed = bool(final) and spans[final[-1]].name == self.last
        return Loop(collect, dispatch, idle, bool(opened), closed, over, self._lag(), tuple(names))

    def _looping(self) -> list[tuple[Pass, list[int]]]:
        """The passes with their nodes; of the last one those up to a node that ran before, too."""
        graph = self.graph
        turns = [graph.opening, *(one.nodes for one in graph.passes)]
        counts = Counter(name for nodes in turns for name in {self.spans[node].name for node in nodes})
        found: list[tuple[Pass, list[int]]] = []
        for one in graph.passes:
            nodes = list(one.nodes)
            while one is graph.passes[-1] and not one.handed and nodes and counts[self.spans[nodes[-1]].name] < 2:
                nodes.pop()
            if nodes:
                found.append((one, nodes))
        return found

    def _last(self) -> str | None:
        """The name of the node that hands out: the one that ends a pass before units start."""
        ending = [nodes for one, nodes in self.passes if one.handed] or [nodes for _, nodes in self.passes]
        names = Counter(self.spans[nodes[-1]].name for nodes in ending)
        return names.most_common(1)[0][0] if names else None

    def _per_task(self, seen: Sequence[tuple[int, int]]) -> frozenset[str]:
        """The calls that nodes of one name make once (or twice, ...) for each task, every time."""
        nodes: dict[str, list[tuple[Counter[str], int]]] = {}
        for node, tasks in seen:
            calls = Counter(_call(self.spans[child]) for child in self.works.children.get(node, ()))
            nodes.setdefault(self.spans[node].name, []).append((calls, tasks))
        found: set[str] = set()
        for counted in nodes.values():
            if all(tasks < 2 for _, tasks in counted):
                continue
            for name in {name for calls, _ in counted for name in calls}:
                times = max(calls[name] // tasks for calls, tasks in counted if tasks)
                if times and all(calls[name] == times * tasks for calls, tasks in counted):
                    found.add(name)
        return frozenset(found)

    def _seen(self, nodes: Sequence[int], start: int, end: int, tasks: int, often: frozenset[str]) -> Seen:
        works, graph = self.works, self.graph
        each = Work()
        aside: Mapping[int, Work] = {
            child: each for node in nodes for child in works.children.get(node, ()) if _call(self.spans[child]) in often
        }
        label = works.top_label if graph.scope < 0 else works.label_of[graph.scope]
        # what starts in the stretch, and one span that may reach into it: the node before
        first = max(0, bisect_left(self._starts, start) - 1)
        around = self._around[first : bisect_left(self._starts, end)]
        return works.stretch(around, start, end, label, aside=aside), each, tasks

    def _lag(self) -> float:
        graph = self.graph
        opened = max((self.spans[node].end for node in graph.opening), default=None)
        lags: list[int] = []
        for round_, number in zip(graph.rounds, graph.handed_by, strict=True):
            at = graph.passes[number].end if number >= 0 else opened
            ended = min(graph.units[place].end for place in round_)
            if at is not None:
                starts = [graph.units[place].start for place in round_ if graph.units[place].start < ended]
                lags += [max(0, start - at) for start in starts]
        return sum(lags) / len(lags) if lags else 0.0


def _call(span: Span) -> str:
    return f"{span.name} {span.attributes.get(semconv.GIT_OPERATION, '')}"
