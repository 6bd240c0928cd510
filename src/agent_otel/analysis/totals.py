"""The measures of one or several runs, added up in integer nanoseconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from agent_otel.analysis import groups
from agent_otel.analysis.accounting import account
from agent_otel.analysis.critical_path import critical_path
from agent_otel.analysis.dispatch import bracket, sequential_time
from agent_otel.analysis.supersteps import Superstep, share, supersteps, worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.store.reader import Run

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of a report; ``start`` in nanoseconds since the epoch."""

    run: str
    name: str
    start: int
    wall: int
    spans: int
    outcome: str


@dataclass(slots=True)
class Totals:
    """Everything a report says, before it is put in seconds. Only sums and durations are kept, no spans."""

    by: Sequence[str] = ()
    runs: list[RunLine] = field(default_factory=list[RunLine])
    wall: int = 0
    critical_path: Counter[str] = field(default_factory=Counter[str])
    busy: Counter[str] = field(default_factory=Counter[str])
    waits: Counter[str] = field(default_factory=Counter[str])
    lists: dict[str, dict[str, groups.Durations]] = field(
        default_factory=lambda: {"nodes": {}, "agents": {}, "llm": {}, "git": {}}
    )
    chosen: dict[tuple[str, ...], groups.Durations] = field(default_factory=dict[tuple[str, ...], groups.Durations])
    steps: int = 0
    worst: Superstep | None = None
    held_by: Counter[str] = field(default_factory=Counter[str])
    blocked: int = 0
    node_time: int = 0
    sequential: int = 0
    best_makespan: int = 0
    warnings: list[str] = field(default_factory=list[str])

    @property
    def superstep_share(self) -> float | None:
        """Barrier wait / (barrier wait + node time) of all runs together; None without either."""
        return share(self.blocked, self.node_time)

    def add(self, run: Run) -> None:
        """Add a run; its spans may be forgotten afterwards."""
        self.runs.append(RunLine(run.trace_id, run.root.name, run.start, run.wall, len(run.spans), run.outcome))
        self.wall += run.wall
        self.critical_path.update(critical_path(run).by_category)
        time = account(run)
        self.busy.update(time.busy)
        self.waits.update(time.waits)
        for kind, found in groups.by_kind(run).items():
            _extend(self.lists[kind], found)
        if self.by:
            _extend(self.chosen, groups.by_keys(run, self.by))
        self._add_steps(run)
        self.warnings.extend(f"run {run.trace_id[:8]}: {warning}" for warning in run.warnings)

    def merge(self, later: Totals) -> None:
        """Add the totals of further runs, which come after those of this one."""
        self.runs.extend(later.runs)
        self.wall += later.wall
        self.critical_path.update(later.critical_path)
        self.busy.update(later.busy)
        self.waits.update(later.waits)
        for kind, found in later.lists.items():
            _extend(self.lists[kind], found)
        _extend(self.chosen, later.chosen)
        self.steps += later.steps
        self.worst = worst([step for step in (self.worst, later.worst) if step is not None])
        self.held_by.update(later.held_by)
        self.blocked += later.blocked
        self.node_time += later.node_time
        self.sequential += later.sequential
        self.best_makespan += later.best_makespan
        self.warnings.extend(later.warnings)

    def _add_steps(self, run: Run) -> None:
        steps = supersteps(run)
        self.steps += steps.count
        self.blocked += steps.blocked
        self.node_time += steps.node_time
        self.held_by.update(steps.held_by)
        self.worst = worst([step for step in (self.worst, steps.worst) if step is not None])
        self.sequential += sequential_time(run)
        self.best_makespan += bracket(run, steps.node_time).best


def _extend(known: dict[Key, groups.Durations], more: Mapping[Key, groups.Durations]) -> None:
    for key, durations in more.items():
        known.setdefault(key, groups.Durations()).extend(durations)
