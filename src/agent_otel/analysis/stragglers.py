"""The answer of ``agent-otel supersteps``: who held each step, who waited, and what that cost over many runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.analysis.items import task_id
from agent_otel.analysis.summary import RunInfo, run_info
from agent_otel.analysis.supersteps import share, step_nodes, supersteps
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agent_otel.store.reader import Run, Span


@dataclass(frozen=True, slots=True)
class Member:
    """One node of a step: how long it ran, and how long it was held afterwards (step end - node end)."""

    node: str
    task: str | None
    task_type: str | None
    outcome: str
    start_seconds: float
    seconds: float
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of two or more nodes; ``start_seconds`` since the run's start, those of its nodes since the step's.

    ``straggler`` ended last; ``others`` are those that waited for it, the shortest wait first. ``waste_seconds`` is the
    sum of their waits, ``alone_seconds`` the time in which only the straggler ran: what it prolonged the step by.
    """

    run: str
    workflow: str | None
    step: int
    start_seconds: float
    seconds: float
    size: int
    waste_seconds: float
    alone_seconds: float
    straggler: Member
    others: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class StragglerCost:
    """What nodes of one name, or tasks of one type, cost others.

    They took part in ``steps`` steps and held ``held`` of them, a ``share`` = held / steps.
    """

    name: str
    steps: int
    held: int
    share: float
    waste_seconds: float
    alone_seconds: float


@dataclass(frozen=True, slots=True)
class StepsReport:
    """The supersteps of some runs. ``count`` includes steps of a single node, which ``steps`` leaves out.

    ``share`` = barrier wait / (barrier wait + node time).
    """

    runs: tuple[RunInfo, ...]
    count: int
    waste_seconds: float
    blocked_seconds: float
    share: float | None
    nodes: tuple[StragglerCost, ...]
    task_types: tuple[StragglerCost, ...]
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Cost:
    steps: int = 0
    held: int = 0
    waste: float = 0.0
    alone: float = 0.0


@dataclass(slots=True)
class _Costs:
    by_name: dict[str, _Cost] = field(default_factory=dict[str, _Cost])

    def add(self, step: Step, names: Sequence[str | None]) -> None:
        """Count a step; ``names`` are those of its members, in their order."""
        for name in {name for name in names if name is not None}:
            self.by_name.setdefault(name, _Cost()).steps += 1
        if names[0] is None or not step.waste_seconds:
            return
        cost = self.by_name[names[0]]
        cost.held += 1
        cost.waste += step.waste_seconds
        cost.alone += step.alone_seconds

    def ranked(self) -> tuple[StragglerCost, ...]:
        """The costliest first."""
        found = (
            StragglerCost(name, cost.steps, cost.held, cost.held / cost.steps, cost.waste, cost.alone)
            for name, cost in self.by_name.items()
        )
        return tuple(sorted(found, key=lambda cost: (-cost.waste_seconds, -cost.held, cost.name)))


def steps_report(runs: Iterable[Run], problems: Callable[[], Iterable[str]] = tuple[str, ...]) -> StepsReport:
    """The supersteps of these runs, read one at a time.

    ``problems`` tells what could not be read, once all runs are; it comes first among the warnings.
    """
    known: list[RunInfo] = []
    steps: list[Step] = []
    warnings: list[str] = []
    count = blocked = node_time = 0
    for run in runs:
        known.append(run_info(run))
        found = supersteps(run)
        count += found.count
        blocked += found.blocked
        node_time += found.node_time
        steps.extend(_steps(run))
        warnings.extend(f"run {run.trace_id[:8]}: {warning}" for warning in run.warnings)
    nodes, types = _Costs(), _Costs()
    for step in steps:
        members = (step.straggler, *step.others)
        nodes.add(step, [member.node for member in members])
        types.add(step, [member.task_type for member in members])
    return StepsReport(
        runs=tuple(known),
        count=count,
        waste_seconds=sum(step.waste_seconds for step in steps),
        blocked_seconds=blocked / 1e9,
        share=share(blocked, node_time),
        nodes=nodes.ranked(),
        task_types=types.ranked(),
        steps=tuple(steps),
        warnings=(*problems(), *warnings),
    )


def _steps(run: Run) -> list[Step]:
    found = [
        _step(run, index, [run.spans[member] for member in members])
        for (_, index), members in step_nodes(run).items()
        if len(members) > 1
    ]
    return sorted(found, key=lambda step: (step.start_seconds, step.step))


def _step(run: Run, index: int, nodes: list[Span]) -> Step:
    nodes.sort(key=lambda node: (node.end, node.start, node.span_id), reverse=True)
    start, end = min(node.start for node in nodes), nodes[0].end
    members = [
        Member(
            node=text(node, semconv.NODE_NAME) or node.name,
            task=task_id(node),
            task_type=text(node, semconv.TASK_TYPE),
            outcome=node.outcome,
            start_seconds=(node.start - start) / 1e9,
            seconds=node.duration / 1e9,
            waited_seconds=(end - node.end) / 1e9,
        )
        for node in nodes
    ]
    return Step(
        run=run.trace_id,
        workflow=text(nodes[0], semconv.WORKFLOW_NAME),
        step=index,
        start_seconds=(start - run.start) / 1e9,
        seconds=(end - start) / 1e9,
        size=len(nodes),
        waste_seconds=sum(end - node.end for node in nodes) / 1e9,
        alone_seconds=(end - max(nodes[1].end, nodes[0].start)) / 1e9,
        straggler=members[0],
        others=tuple(members[1:]),
    )
