"""The answer of ``agent-otel report``: where the time of some runs went, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.analysis.accounting import waiting
from agent_otel.analysis.diagnosis import Finding, diagnose
from agent_otel.analysis.groups import Durations, Group, result
from agent_otel.analysis.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agent_otel.store.reader import Run


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One of the runs reported on; ``started`` is ISO 8601 in UTC."""

    run: str
    name: str
    started: str
    wall_seconds: float
    spans: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Straggler:
    """The node that held its step longest: ``blocked_seconds`` is what the step's other nodes waited together."""

    node: str
    step: int
    seconds: float
    blocked_seconds: float


@dataclass(frozen=True, slots=True)
class StepsSummary:
    """Supersteps: ``share`` = barrier wait / (barrier wait + node time); ``held_by`` node -> seconds it cost others.

    ``best_seconds`` is the least that continuous dispatch could take, None where nothing was blocked.
    """

    count: int
    blocked_seconds: float
    share: float | None
    worst_straggler: Straggler | None
    held_by: Mapping[str, float]
    best_seconds: float | None


@dataclass(frozen=True, slots=True)
class KeyedGroup:
    """A row of ``--by``: the values of its keys, and the figures."""

    keys: tuple[str, ...]
    figures: Group


@dataclass(frozen=True, slots=True)
class Report:
    """Where the time went. Every category of work and every reason to wait is there, if only with zero seconds.

    Lists come by total, greatest first.
        ``critical_path`` sums to ``wall_seconds``; ``busy_seconds`` may exceed it; ``parallelism`` is busy / wall.
    ``warnings`` say what could not be read, was clipped or never ended.
    """

    runs: tuple[RunInfo, ...]
    wall_seconds: float
    critical_path: Mapping[str, float]
    busy_seconds: Mapping[str, float]
    wait_seconds: Mapping[str, float]
    wait_work_ratio: float | None
    parallelism: float | None
    nodes: tuple[Group, ...]
    agents: tuple[Group, ...]
    llm: tuple[Group, ...]
    git: tuple[Group, ...]
    supersteps: StepsSummary
    diagnosis: tuple[Finding, ...]
    by: tuple[str, ...]
    groups: tuple[KeyedGroup, ...]
    warnings: tuple[str, ...]

    @property
    def tables(self) -> Mapping[str, tuple[Group, ...]]:
        """The lists by their names."""
        return {"nodes": self.nodes, "agents": self.agents, "llm": self.llm, "git": self.git}


def analyse(runs: Iterable[Run], by: Sequence[str] = ()) -> Totals:
    """Add up the measures of these runs, one at a time. ``by`` are some of ``groups.BY``."""
    totals = Totals(by=tuple(by))
    for run in runs:
        totals.add(run)
    return totals


def analyse_many(
    fold: Callable[[Callable[[Iterable[Run]], Totals]], Iterable[Totals]], by: Sequence[str] = ()
) -> Totals:
    """The same for a great many runs: ``fold`` (of ``StoreReader``) applies a function to some of them at a time."""
    totals = Totals(by=tuple(by))
    for some in fold(partial(analyse, by=tuple(by))):
        totals.merge(some)
    return totals


def report(totals: Totals, problems: Iterable[str] = ()) -> Report:
    """The report on totals; ``problems`` of the store come first among its warnings."""
    work = sum(totals.busy.values())
    wall = totals.wall
    return Report(
        runs=tuple(
            RunInfo(line.run, line.name, moment(line.start), line.wall / 1e9, line.spans, line.outcome)
            for line in totals.runs
        ),
        wall_seconds=wall / 1e9,
        critical_path=_in_order(totals.critical_path, semconv.WORK_CATEGORIES),
        busy_seconds=_in_order(totals.busy, semconv.WORK_CATEGORIES),
        wait_seconds=_in_order(totals.waits, semconv.WAIT_REASONS),
        wait_work_ratio=waiting(totals.waits) / work if work else None,
        parallelism=work / wall if wall else None,
        nodes=_ranked(totals.lists["nodes"]),
        agents=_ranked(totals.lists["agents"]),
        llm=_ranked(totals.lists["llm"]),
        git=_ranked(totals.lists["git"]),
        supersteps=_steps(totals),
        diagnosis=tuple(diagnose(totals)),
        by=tuple(totals.by),
        groups=tuple(
            sorted(
                (KeyedGroup(keys, result(" ".join(keys), found)) for keys, found in totals.chosen.items()),
                key=lambda group: (-group.figures.total, group.keys),
            )
        ),
        warnings=(*problems, *totals.warnings),
    )


def run_info(run: Run) -> RunInfo:
    """What a run is called, when it started, and how it ended."""
    return RunInfo(run.trace_id, run.root.name, moment(run.start), run.wall / 1e9, len(run.spans), run.outcome)


def moment(nanoseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def _in_order(found: Mapping[str, int], order: Sequence[str]) -> dict[str, float]:
    others = sorted(key for key in found if key not in order and found[key])
    return {key: found.get(key, 0) / 1e9 for key in (*order, *others)}


def _ranked(found: Mapping[str, Durations]) -> tuple[Group, ...]:
    results = (result(name, durations) for name, durations in found.items())
    return tuple(sorted(results, key=lambda group: (-group.total, group.name)))


def _steps(totals: Totals) -> StepsSummary:
    held = totals.worst
    return StepsSummary(
        count=totals.steps,
        blocked_seconds=totals.blocked / 1e9,
        share=totals.superstep_share,
        worst_straggler=None
        if held is None
        else Straggler(held.straggler, held.index, held.straggler_time / 1e9, held.waste / 1e9),
        held_by={node: waste / 1e9 for node, waste in totals.held_by.most_common() if waste},
        best_seconds=totals.best_makespan / 1e9 if totals.blocked else None,
    )
