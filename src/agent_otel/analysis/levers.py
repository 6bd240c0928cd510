"""Every lever there is on a run, ranked by what it would save."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.changes import Change, cache, speedup, without
from agent_otel.analysis.critical_path import critical_path
from agent_otel.analysis.passes import SUPERSTEP
from agent_otel.analysis.summary import RunInfo, moment
from agent_otel.analysis.work import KINDS, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from agent_otel.analysis.changes import Lever
    from agent_otel.analysis.whatif import Confidence, Prediction, WhatIf
    from agent_otel.store.reader import Run

FASTER: Final = 2
CACHED: Final = 0.3
NAMES: Final = {"node": 4, "type": 4, "llm": 3, "cli": 3, "agent": 3, "git": 2, "tool": 2}
"""How many names of a kind are tried, those with the most time."""
AVOIDABLE: Final = (semconv.RATE_LIMIT, semconv.RETRY, semconv.APPROVAL, semconv.LOCK)


@dataclass(frozen=True, slots=True)
class WhatIfReport:
    """Predictions for one run. ``dispatch`` is how it handed out its units, to ``slots`` workers at once; None and 0
    for a run without units. ``critical_path`` is the measured one, in seconds by category."""

    run: RunInfo
    dispatch: str | None
    slots: int
    model: Confidence
    critical_path: Mapping[str, float]
    predictions: tuple[Prediction, ...]
    notes: tuple[str, ...]


def answer(what_if: WhatIf, changes: Iterable[Change], problems: Iterable[str] = ()) -> WhatIfReport:
    """The predictions for these changes, in their order; ``problems`` of the store come first among the notes."""
    run = what_if.run
    path = critical_path(run).by_category
    return WhatIfReport(
        run=info(run),
        dispatch=None if what_if.graph is None else what_if.graph.rule,
        slots=what_if.slots,
        model=what_if.confidence,
        critical_path={category: path[category] / 1e9 for category in sorted(path, key=lambda one: -path[one])},
        predictions=tuple(what_if.predict(change) for change in changes),
        notes=(*problems, *what_if.notes),
    )


def info(run: Run) -> RunInfo:
    """Which run it is."""
    return RunInfo(run.trace_id, run.root.name, moment(run.start), run.wall / 1e9, len(run.spans), run.outcome)


def rank(report: WhatIfReport) -> WhatIfReport:
    """The same with the predictions by saving, the greatest first; those that are only bracketed come last."""
    ordered = sorted(report.predictions, key=lambda found: (not found.known, -found.saving_seconds))
    return WhatIfReport(
        report.run, report.dispatch, report.slots, report.model, report.critical_path, tuple(ordered), report.notes
    )


def levers(what_if: WhatIf) -> list[Change]:
    """All changes worth asking about."""
    return [*_dispatch(what_if), *(Change(levers=(lever,)) for lever in _speeds(what_if))]


def _dispatch(what_if: WhatIf) -> Iterator[Change]:
    graph = what_if.graph
    if graph is None:
        return
    if graph.rule == SUPERSTEP:
        yield Change("continuous")
    yield Change("no barrier")
    if len(graph.units) > graph.slots:
        yield Change(workers=graph.slots + 1)
        if graph.slots > 1:
            yield Change(workers=graph.slots * 2)
            if graph.rule == SUPERSTEP:
                yield Change("continuous", graph.slots * 2)


def _speeds(what_if: WhatIf) -> Iterator[Lever]:
    totals: Counter[str] = Counter()
    waits: Counter[str] = Counter()
    for span in what_if.run.spans:
        if span.annotation:
            waits[span.wait_reason or ""] += span.duration
        else:
            totals.update(dict.fromkeys(targets(span, span.category), span.duration))
    for kind in KINDS:
        if totals[kind]:
            yield speedup(f"{kind}={FASTER}")
    if totals[semconv.LLM]:
        yield cache(f"{semconv.LLM}={CACHED}")
    yield speedup(f"{semconv.OWN}={FASTER}")
    for kind, most in NAMES.items():
        named = [target for target, _ in totals.most_common() if target.startswith(f"{kind}:")]
        if len(named) > 1 or kind not in KINDS:
            yield from (speedup(f"{target}={FASTER}") for target in named[:most])
    locks = what_if.planner.locks.waits if what_if.planner is not None else {}
    yield from (without(reason) for reason in AVOIDABLE if waits[reason] or (reason == semconv.LOCK and locks))
