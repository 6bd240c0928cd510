"""The hypotheses of a diagnosis about what takes the time: LLM, git, barriers, single nodes, idle workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.changes import Change, speedup
from agent_otel.analysis.diagnosis import (
    CONTINUOUS_DISPATCH_PAYS,
    GIT_IO,
    LLM_LATENCY,
    SEQUENTIAL_NODES,
    SUPERSTEP_BLOCKING,
    USUAL,
    diagnose,
)
from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.passes import SUPERSTEP
from agent_otel.analysis.supersteps import supersteps
from agent_otel.analysis.symptom import SHOWN, WORTH, Evidence, Symptom, symptom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from agent_otel.analysis.examined import Examined
    from agent_otel.analysis.whatif import Prediction
    from agent_otel.store.reader import Span

IDLE_WORKERS: Final = "idle workers"
IDLE_USUAL: Final = (0.20, 0.40)


def llm_latency(examined: Examined) -> Symptom:
    """Whether the run waits for models."""
    return _category(examined, LLM_LATENCY, semconv.LLM)


def git_io(examined: Examined) -> Symptom:
    """Whether the run waits for git."""
    return _category(examined, GIT_IO, semconv.GIT)


def _category(examined: Examined, hypothesis: str, category: str) -> Symptom:
    found = examined.totals.critical_path.get(category, 0)
    prediction = examined.best([Change(levers=(speedup(f"{category}=2"),))])
    return symptom(
        examined,
        hypothesis,
        examined.share(found),
        USUAL[hypothesis],
        _advice(examined, hypothesis),
        _longest_on_path(examined, lambda span: span.category == category),
        prediction=prediction,
    )


def _advice(examined: Examined, hypothesis: str) -> Mapping[str, str]:
    """What the report advises, whatever the verdict is."""
    (finding,) = [found for found in diagnose(examined.totals) if found.hypothesis == hypothesis]
    return dict.fromkeys(("none", "low", "usual", "high"), finding.advice)


def _longest_on_path(examined: Examined, fits: Callable[[Span], bool]) -> Iterator[Evidence]:
    """The spans that fit with the most time on the critical path, with all that lies in them."""
    spans = examined.run.spans
    chosen = [position for position in examined.path_inside if fits(spans[position])]
    chosen.sort(key=lambda position: (-examined.path_inside[position], position))
    for position in chosen[:SHOWN]:
        span = spans[position]
        on_path = duration_text(examined.path_inside[position] / 1e9)
        yield Evidence(span.span_id, span.name, span.duration / 1e9, f"{on_path} of it on the critical path")


def superstep_blocking(examined: Examined) -> Symptom:
    """Whether finished nodes wait for slower ones, and whether a dispatcher would help."""
    share = examined.totals.superstep_share or 0.0
    prediction = _dispatched(examined)
    advice = _advice(examined, SUPERSTEP_BLOCKING)
    if share > CONTINUOUS_DISPATCH_PAYS and prediction is not None:
        advice = {**advice, "high": _dispatch_advice(examined, prediction)}
    steps = sorted(supersteps(examined.run).steps, key=lambda step: -step.waste)[:SHOWN]
    evidence: list[Evidence] = []
    for step in steps:
        last = [span for span in examined.run.spans if span.end == step.end and semconv.NODE_NAME in span.attributes]
        why = f"held step {step.index}: the others waited {duration_text(step.waste / 1e9)} together"
        evidence += [Evidence(span.span_id, span.name, span.duration / 1e9, why) for span in last[:1] if step.waste]
    return symptom(
        examined,
        SUPERSTEP_BLOCKING,
        share,
        USUAL[SUPERSTEP_BLOCKING],
        advice,
        evidence,
        of="barrier wait + node time",
        prediction=prediction,
    )


def _dispatched(examined: Examined) -> Prediction | None:
    """Continuous dispatch; where that saves nothing, with director and strategist beside the workers."""
    graph = examined.what_if.graph
    if graph is None or graph.rule != SUPERSTEP:
        return None
    continuous = examined.what_if.predict(Change("continuous"))
    return continuous if continuous.saving_share >= WORTH else examined.what_if.predict(Change("no barrier"))


def _dispatch_advice(examined: Examined, best: Prediction) -> str:
    """Continuous dispatch with what it would save, as it is and with director and strategist off the path."""
    continuous = examined.what_if.predict(Change("continuous"))
    measured = duration_text(best.measured_seconds)
    if best.saving_share < WORTH:
        return (
            "Continuous dispatch would not shorten this run: its longest chain of tasks takes as long. Split or speed "
            "up the slowest tasks first."
        )
    if not best.known:
        low, high = best.between
        return (
            "Continuous dispatch: hand out the next task when one finishes, not when the step does. It would bring "
            f"{measured} down to between {duration_text(low)} and {duration_text(high)}; record depends_on (task "
            "dictionaries in the state, or agent_otel.task) to know where."
        )
    saving = f"{duration_text(best.saving_seconds)} ({best.saving_share * 100:.0f} %)"
    if best.change == continuous.change:
        return (
            "Continuous dispatch: hand out the next task when one finishes, not when the step does. It would save "
            f"{saving} of {measured}, director and strategist run each time included."
        )
    return (
        f"Continuous dispatch would save {saving} of {measured}, but only if director and strategist run beside the "
        "workers: run after every task, they would take up what the barrier costs now (predicted: "
        f"{duration_text(continuous.predicted_seconds or 0.0)}). Make them shorter as well."
    )


def sequential_nodes(examined: Examined) -> Symptom:
    """Whether time passes with a single node running."""
    what_if, spans = examined.what_if, examined.run.spans
    nodes = what_if.planner.loop.names if what_if.planner is not None else ()
    names = [name.removeprefix("node ") for name in nodes if name.startswith("node ")]
    prediction = examined.best([Change(levers=tuple(speedup(f"node:{name}=2") for name in names))]) if names else None
    graph = what_if.graph
    apart = set[int]() if graph is None else {unit.position for unit in graph.units} | {graph.scope}

    def alone(span: Span) -> bool:
        return semconv.NODE_NAME in span.attributes and not span.annotation and position_of[span.span_id] not in apart

    position_of = {span.span_id: position for position, span in enumerate(spans)}
    return symptom(
        examined,
        SEQUENTIAL_NODES,
        examined.share(examined.totals.sequential),
        USUAL[SEQUENTIAL_NODES],
        _advice(examined, SEQUENTIAL_NODES),
        _longest_on_path(examined, alone),
        of="wall time",
        prediction=prediction,
    )


def idle_workers(examined: Examined) -> Symptom:
    """Whether the workers have something to do from the first task to the last."""
    graph = examined.what_if.graph
    share = 0.0
    prediction = None
    evidence: list[Evidence] = []
    if graph is not None and graph.slots > 1:
        start, end = min(unit.start for unit in graph.units), max(unit.end for unit in graph.units)
        capacity = (end - start) * graph.slots
        share = max(0.0, 1 - sum(unit.end - unit.start for unit in graph.units) / capacity) if capacity else 0.0
        idle = share > IDLE_USUAL[0]
        prediction = _dispatched(examined) if idle else examined.what_if.predict(Change(workers=graph.slots * 2))
        for unit in sorted(graph.units, key=lambda unit: unit.start - unit.end)[:SHOWN]:
            span = examined.run.spans[unit.position]
            why = f"task {unit.id}, among the longest: who runs beside it waits, or has to have more to do"
            evidence.append(Evidence(span.span_id, span.name, span.duration / 1e9, why))
    slots = examined.what_if.slots
    found = symptom(
        examined,
        IDLE_WORKERS,
        share,
        IDLE_USUAL,
        {
            "none": "No two tasks ran at once; there are no workers to be idle.",
            "low": f"The {slots} workers are busy nearly all the time; more of them may help.",
            "usual": "Usual where tasks depend on each other and differ in length.",
            "high": f"The {slots} workers stand still for {share * 100:.0f} % of the time from the first task to the "
            "last: hand out tasks as soon as what they depend on is complete, split long tasks, or pay for fewer.",
        },
        evidence,
        of="worker time",
        prediction=prediction,
    )
    return replace(found, evidence=()) if found.verdict == "low" else found
