"""How long a run would have taken under other rules: predictions, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.changes import Change, factors
from agent_otel.analysis.passes import CONTINUOUS, SUPERSTEP
from agent_otel.analysis.plan import Plan, Planner
from agent_otel.analysis.replay import NO_BARRIER, Replay, Rules, replay
from agent_otel.analysis.taskgraph import TaskGraph, task_graph
from agent_otel.analysis.work import TOP, Parts, Works, evaluate, merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_otel.store.reader import Run

GOOD: Final = 0.05
FAIR: Final = 0.15
"""Errors of the model up to which it is good, and fair."""
_SCOPE: Final = "scope"
FIXED: Final = "Durations that depend on load (machine, network, rate limits) are held fixed."


@dataclass(frozen=True, slots=True)
class Confidence:
    """The model's replay of the run as it was, against the run. ``verdict`` is good, fair or poor."""

    replayed_seconds: float
    error: float
    verdict: str
    text: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """A run under a change. Without known dependencies ``predicted_seconds`` is None and only ``between`` is known.

    ``saving_seconds`` = measured - predicted (what could be saved at most where there is no prediction);
    ``critical_path`` is the new one by category and sums to the predicted time.
    """

    change: str
    measured_seconds: float
    predicted_seconds: float | None
    between: tuple[float, float]
    saving_seconds: float
    saving_share: float
    critical_path: Mapping[str, float]

    @property
    def known(self) -> bool:
        """Whether there is a prediction, not only a bracket."""
        return self.predicted_seconds is not None


class WhatIf:
    """The what-ifs of one run; it is looked at once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.works = Works(run)
        self.graph: TaskGraph | None = task_graph(run)
        self.planner = Planner(self.graph, self.works) if self.graph is not None else None
        opaque: dict[int, int] = {}
        if self.graph is not None and self.graph.scope != TOP:
            opaque[self.graph.scope] = self.works.opaque(_SCOPE)
        top = self.works.children.get(TOP, ())
        self._outside = self.works.stretch(top, run.start, run.end, self.works.top_label, opaque=opaque)
        self._plans: dict[tuple[object, ...], Plan] = {}
        self.confidence = self._confidence()

    @property
    def slots(self) -> int:
        """How many units ran at once; 0 without any."""
        return self.graph.slots if self.graph is not None else 0

    def predict(self, change: Change) -> Prediction:
        """The run under this change."""
        measured = float(self.run.wall)
        limits = self._limits(change)
        bracketed = limits is not None
        # A unit without duration inside its parent's own time can leave less than nothing of that time.
        path = {} if bracketed else {category: max(0.0, found) for category, found in self._path(change).items()}
        predicted = None if bracketed else sum(path.values())
        low, high = limits or (predicted or 0.0, predicted or 0.0)
        saving = measured - (low if predicted is None else predicted)
        return Prediction(
            change=change.text,
            measured_seconds=measured / 1e9,
            predicted_seconds=None if predicted is None else predicted / 1e9,
            between=(low / 1e9, high / 1e9),
            saving_seconds=saving / 1e9,
            saving_share=saving / measured if measured else 0.0,
            critical_path={category: found / 1e9 for category, found in path.items() if found},
        )

    def _limits(self, change: Change) -> tuple[float, float] | None:
        """The bracket, where dependencies decide and are not known."""
        graph = self.graph
        if graph is None or graph.dependent or change.dispatch in (None, graph.rule):
            return None
        plan = self._plan(change)
        durations = [sum(sum(stage.parts.values()) for stage in stages) for stages in plan.units]
        slots = self._slots(change, graph)
        ends = (plan.opening, plan.closing, plan.collect.later, *([plan.idle.later] if plan.closed else []))
        # Units that outlive what started them may reach beyond the run.
        outside = max(0, self.run.wall - (graph.end - graph.start))
        apart = outside + sum(sum(parts.values()) for parts in ends)
        best = apart + max(*durations, sum(durations) / slots)
        measured = sum(self._path(Change(None, change.workers, change.levers)).values())
        return min(best, measured), measured

    def _path(self, change: Change) -> Parts:
        """The critical path of the whole run under a change."""
        if self.graph is None or self.planner is None:
            return evaluate(self._outside, factors(change.levers, self.works.labels), self.works.labels)
        inside = self.replay(change)
        rates = factors(change.levers, self.works.labels)
        if self.graph.scope == TOP:
            return inside.path
        recorded = self.graph.end - self.graph.start
        rates[self.works.opaque(_SCOPE)] = inside.makespan / recorded if recorded else 1.0
        found = evaluate(self._outside, rates, self.works.labels)
        share = found.pop(_SCOPE, 0.0) / inside.makespan if inside.makespan else 0.0
        merge(found, inside.path, share)
        return found

    def replay(self, change: Change) -> Replay:
        """The replay of the units under a change. Raises ``ValueError`` for a run without any."""
        graph = self.graph
        if graph is None or self.planner is None:
            raise ValueError("nothing was handed out in this run")
        return replay(self._plan(change), graph.needs, self._rules(change, graph), graph.ranks)

    def _plan(self, change: Change) -> Plan:
        assert self.planner is not None
        if change.levers not in self._plans:
            locked = all(lever.target != semconv.LOCK for lever in change.levers)
            rates = factors(change.levers, self.works.labels)
            self._plans[change.levers] = self.planner.plan(rates, locked=locked)
        return self._plans[change.levers]

    def _slots(self, change: Change, graph: TaskGraph) -> int:
        return graph.slots if change.workers is None else change.workers or len(graph.units)

    def _rules(self, change: Change, graph: TaskGraph) -> Rules:
        rule = {"continuous": CONTINUOUS, "no barrier": NO_BARRIER}.get(change.dispatch or "", graph.rule)
        slots = self._slots(change, graph)
        rounds = graph.rounds if not graph.dependent and rule == SUPERSTEP else None
        return Rules(rule, slots, graph.pooled and rule == SUPERSTEP, rounds)

    def _confidence(self) -> Confidence:
        measured = self.run.wall
        replayed = sum(self._path(Change()).values())
        error = (replayed - measured) / measured if measured else 0.0
        size = abs(error)
        verdict = "good" if size <= GOOD else "fair" if size <= FAIR else "poor"
        text = {
            "good": "the model reproduces this run; its predictions can be trusted",
            "fair": "the model reproduces this run roughly; take savings below its error as nothing",
            "poor": "the model does not reproduce this run; take its predictions as a direction only",
        }[verdict]
        return Confidence(replayed / 1e9, error, verdict, text)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the predictions rest on, in sentences."""
        graph = self.graph
        if graph is None:
            return ("Nothing was handed out side by side in this run, so only speeds can be changed.", FIXED)
        slots = f"{graph.slots} worker slot{'' if graph.slots == 1 else 's'} (the most that ran at once)"
        found = [f"Units are handed out in the order of this run, to {slots} unless --workers says otherwise."]
        if not graph.dependent:
            found.append("Nothing says what depends on what (depends_on), so a dispatcher's saving is only bracketed.")
        if self.planner is not None:
            found += [
                f"{kind} was never run by two at once: {len(waits)} calls waited "
                f"{sum(waits) / 1e9:.2g} s for it; replayed as a lock."
                for kind, waits in self.planner.locks.waits.items()
            ]
        found += [f"Note: {warning}." for warning in graph.warnings]
        return (*found, FIXED)


__all__ = ["CONTINUOUS", "NO_BARRIER", "Change", "Confidence", "Prediction", "WhatIf"]
