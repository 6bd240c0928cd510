"""Supersteps: how long finished nodes were held by the slowest node of their step, and which one that was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.analysis import intervals
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.reader import Run


@dataclass(frozen=True, slots=True)
class Superstep:
    """One step of a graph that ran two or more nodes. Times in nanoseconds.

    ``straggler`` is the node that ended last; ``waste`` the sum of (step end - node end) over the others.
    """

    index: int
    nodes: int
    start: int
    end: int
    straggler: str
    straggler_time: int
    waste: int


@dataclass(frozen=True, slots=True)
class Supersteps:
    """The steps of one run. ``count`` includes steps of a single node, which ``steps`` leaves out.

    ``blocked`` is all barrier wait, ``node_time`` the time of nodes (that of a node around other nodes counts once).
    """

    count: int
    steps: tuple[Superstep, ...]
    blocked: int
    node_time: int

    @property
    def share(self) -> float | None:
        """Barrier wait / (barrier wait + node time); None without either."""
        return share(self.blocked, self.node_time)

    @property
    def worst(self) -> Superstep | None:
        """The step whose straggler cost the others most."""
        return worst(self.steps)

    @property
    def held_by(self) -> dict[str, int]:
        """Straggler -> the waste of its steps together, greatest first."""
        total: Counter[str] = Counter()
        for step in self.steps:
            total[step.straggler] += step.waste
        return dict(total.most_common())


def share(blocked: int, node_time: int) -> float | None:
    """Barrier wait / (barrier wait + node time); None without either."""
    return blocked / (blocked + node_time) if blocked + node_time else None


def worst(steps: Sequence[Superstep]) -> Superstep | None:
    """The step with the greatest waste; the earlier one of equals; None if nothing was wasted."""
    found = max(steps, key=lambda step: (step.waste, -step.start), default=None)
    return found if found is not None and found.waste > 0 else None


def supersteps(run: Run) -> Supersteps:
    """The supersteps of a run, of nested graphs too: a step is the nodes of one parent with one step number."""
    groups = step_nodes(run)
    annotated: set[tuple[int, int]] = set()
    blocked = 0
    for position, span in enumerate(run.spans):
        if not span.annotation:
            continue
        index = span.attributes.get(semconv.SUPERSTEP_INDEX)
        if span.wait_reason == semconv.BARRIER:
            blocked += span.duration
        elif span.wait_reason is None and isinstance(index, int):
            annotated.add((run.parents[position], index))
    steps = [_step(run, step, members) for (_, step), members in groups.items() if len(members) > 1]
    steps.sort(key=lambda step: step.start)
    return Supersteps(len(groups.keys() | annotated), tuple(steps), blocked, node_time(run))


def step_nodes(run: Run) -> dict[tuple[int, int], list[int]]:
    """The position of a graph (-1 for none) and a step number -> the positions of the nodes of that step."""
    groups: dict[tuple[int, int], list[int]] = {}
    for position, span in enumerate(run.spans):
        step = span.attributes.get(semconv.NODE_STEP)
        if isinstance(step, int) and semconv.NODE_NAME in span.attributes and not span.annotation:
            groups.setdefault((run.parents[position], step), []).append(position)
    return groups


def _step(run: Run, index: int, members: Sequence[int]) -> Superstep:
    nodes = [run.spans[member] for member in members]
    last = max(nodes, key=lambda node: (node.end, node.start, node.span_id))
    return Superstep(
        index=index,
        nodes=len(nodes),
        start=min(node.start for node in nodes),
        end=last.end,
        straggler=text(last, semconv.NODE_NAME) or last.name,
        straggler_time=last.duration,
        waste=sum(last.end - node.end for node in nodes),
    )


def node_time(run: Run) -> int:
    """The time of all nodes, each without the part that nodes inside it account for."""
    inside: dict[int, list[intervals.Interval]] = {}
    above = enclosing_nodes(run)
    for position, outer in above.items():
        span = run.spans[position]
        inside.setdefault(position, [])
        if outer is not None:
            inside.setdefault(outer, []).append((span.start, span.end))
    total = 0
    for position, nested in inside.items():
        span = run.spans[position]
        total += span.duration - intervals.length(intervals.clipped(nested, span.start, span.end))
    return total


def enclosing_nodes(run: Run) -> dict[int, int | None]:
    """For every node (its position) the nearest node around it, None for an outermost one."""
    nearest: dict[int, int | None] = {}
    nodes = [semconv.NODE_NAME in span.attributes and not span.annotation for span in run.spans]
    found: dict[int, int | None] = {}
    for position in range(len(run.spans)):
        if not nodes[position]:
            continue
        passed: list[int] = []
        place = run.parents[position]
        while place != -1 and not nodes[place] and place not in nearest:
            passed.append(place)
            place = run.parents[place]
        outer = None if place == -1 else place if nodes[place] else nearest[place]
        for between in passed:
            nearest[between] = outer
        found[position] = outer
    return found
