"""The task graph of a run: what it handed out, what that depended on, and what ran alone in between.

A unit is a span that carries out one task (a node of LangGraph, or a ``task`` of the API with what lies around it);
without task ids, every node of a fan-out is one. The other nodes of the loop, director and strategist, are known by
their place: they run between the units, again and again. One sequence of them is a pass: it collects the finished
units first and hands out the next ones last.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.dependencies import dependencies
from agent_otel.analysis.order import ranks
from agent_otel.analysis.passes import SUPERSTEP, Pass, Unit, turns_of
from agent_otel.analysis.work import TOP
from agent_otel.store.assemble import top_down
from agent_otel.store.model import text, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.store.reader import Run, Span

UNTYPED: Final = "general"


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """Units in the order in which they were handed out; ``needs`` are the units that each depends on,
    ``ranks`` say which is preferred.

    ``scope`` is the span in which they lie, TOP for the run. ``opening`` are the other spans before the first unit,
    ``passes`` those after it. ``rounds`` are the units handed out together, each by the pass of
    the number in ``handed_by`` (-1: the opening). ``rule`` is how it was scheduled.
    ``slots`` is the most units that ran at once; ``pooled`` if more than that were handed out at once.
    """

    run: Run
    scope: int
    units: tuple[Unit, ...]
    needs: tuple[tuple[int, ...], ...]
    ranks: tuple[int, ...]
    dependent: bool
    opening: tuple[int, ...]
    passes: tuple[Pass, ...]
    rounds: tuple[tuple[int, ...], ...]
    handed_by: tuple[int, ...]
    rule: str
    slots: int
    pooled: bool
    warnings: tuple[str, ...]

    @property
    def start(self) -> int:
        """When the scope starts."""
        return self.run.start if self.scope == TOP else self.run.spans[self.scope].start

    @property
    def end(self) -> int:
        """When the scope ends."""
        return self.run.end if self.scope == TOP else self.run.spans[self.scope].end


def task_graph(run: Run) -> TaskGraph | None:
    """The task graph of a run; None if nothing in it was handed out."""
    found = _units(run) or _fan_outs(run)
    if not found:
        return None
    scope, units = found
    taken = {unit.position for unit in units}
    others = [
        position
        for position, above in enumerate(run.parents)
        if above == scope and position not in taken and _runs(run.spans[position])
    ]
    beside = _beside(run, units, others)
    units += [_unit(run, other, run.spans[other].name) for other in beside]
    units.sort(key=lambda unit: (unit.start, unit.id, unit.position))
    known = dependencies(units, [texts(run.spans[unit.task], semconv.TASK_DEPENDS_ON) for unit in units])
    turns = turns_of(run, units, [other for other in others if other not in beside])
    slots = most_at_once(units)
    return TaskGraph(
        run=run,
        scope=scope,
        units=tuple(units),
        needs=known.needs,
        ranks=ranks(units, known.needs, turns),
        dependent=known.stated,
        opening=turns.opening,
        passes=turns.passes,
        rounds=turns.rounds,
        handed_by=turns.handed_by,
        rule=turns.rule,
        slots=slots,
        pooled=turns.rule == SUPERSTEP and max(map(len, turns.rounds)) > slots,
        warnings=known.warnings,
    )


def most_at_once(units: Sequence[Unit]) -> int:
    """How many of them ran at the same time at most."""
    edges = sorted(edge for unit in units for edge in ((unit.start, 1), (unit.end, -1)))
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return max(most, 1)


def _runs(span: Span) -> bool:
    return not span.annotation and span.category != semconv.CHECKPOINT


def _beside(run: Run, units: Sequence[Unit], others: Sequence[int]) -> set[int]:
    """The nodes without a task that ran in the step of some units, beside them."""
    steps: dict[int, tuple[int, int]] = {}
    for unit in units:
        if unit.step is not None:
            start, end = steps.get(unit.step, (unit.start, unit.end))
            steps[unit.step] = min(start, unit.start), min(end, unit.end)
    found: set[int] = set()
    for other in others:
        span = run.spans[other]
        step = span.attributes.get(semconv.NODE_STEP)
        extent = steps.get(step) if isinstance(step, int) else None
        if extent is not None and span.start < extent[1] and span.end > extent[0]:
            found.add(other)
    return found


def _units(run: Run) -> tuple[int, list[Unit]] | None:
    """The outermost spans with a task id, each with all that lies around it alone; those of the busiest scope."""
    inside: set[int] = set()
    marked: list[int] = []
    order = top_down(run.parents)
    for position in order:
        span, above = run.spans[position], run.parents[position]
        if above in inside:
            inside.add(position)
        elif semconv.TASK_ID in span.attributes and _runs(span):
            inside.add(position)
            marked.append(position)
    counts = Counter(marked)
    for position in reversed(order):
        if run.parents[position] != TOP:
            counts[run.parents[position]] += counts[position]
    scopes: dict[int, list[Unit]] = {}
    for position in marked:
        around = position
        while (above := run.parents[around]) != TOP and counts[above] == 1:
            if run.spans[above].operation == semconv.INVOKE_WORKFLOW or run.parents[above] == TOP:
                break
            around = above
        task = run.spans[position]
        unit = _unit(run, around, str(task.attributes[semconv.TASK_ID]), position)
        scopes.setdefault(run.parents[around], []).append(unit)
    return _busiest(scopes)


def _fan_outs(run: Run) -> tuple[int, list[Unit]] | None:
    """The nodes of steps of two or more nodes, numbered; those of the busiest graph.

    LangGraph's functional API has one step for all: there a name that runs again and again but never beside itself
    is no fan-out, nor is what runs beside nothing.
    """
    steps: dict[tuple[int, int], list[int]] = {}
    for position, span in enumerate(run.spans):
        step = span.attributes.get(semconv.NODE_STEP)
        if isinstance(step, int) and semconv.NODE_NAME in span.attributes and _runs(span):
            steps.setdefault((run.parents[position], step), []).append(position)
    scopes: dict[int, list[Unit]] = {}
    for (scope, _), members in steps.items():
        by_name: dict[str, list[Span]] = {}
        for member in members:
            by_name.setdefault(run.spans[member].name, []).append(run.spans[member])
        looping = {name for name, spans in by_name.items() if len(spans) > 1 and not _overlap(spans)}
        once = [member for member in members if run.spans[member].name not in looping]
        chosen = [member for member in once if _overlapped(run, member, once)]
        if len(chosen) > 1:
            units = scopes.setdefault(scope, [])
            for member in chosen:
                name = text(run.spans[member], semconv.NODE_NAME) or UNTYPED
                units.append(_unit(run, member, f"{name} {len(units) + 1}"))
    return _busiest(scopes)


def _overlap(spans: Sequence[Span]) -> bool:
    return any(later.start < earlier.end for earlier, later in pairwise(spans))


def _unit(run: Run, position: int, name: str, task: int | None = None) -> Unit:
    span = run.spans[position]
    step = span.attributes.get(semconv.NODE_STEP)
    marked = position if task is None else task
    kind = text(run.spans[marked], semconv.TASK_TYPE) or UNTYPED
    return Unit(name, kind, marked, position, span.start, span.end, step if isinstance(step, int) else None)


def _busiest(scopes: Mapping[int, list[Unit]]) -> tuple[int, list[Unit]] | None:
    def time(scope: int) -> int:
        return sum(unit.end - unit.start for unit in scopes[scope])

    best = max(scopes, key=lambda scope: (time(scope), -scope), default=None)
    return None if best is None else (best, scopes[best])


def _overlapped(run: Run, member: int, others: Sequence[int]) -> bool:
    span = run.spans[member]
    return any(
        other != member and run.spans[other].start < span.end and run.spans[other].end > span.start for other in others
    )
