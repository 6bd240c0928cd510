"""The hypotheses of a diagnosis about what went wrong: limits and retries, locks, cold starts, a slow task type."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.changes import Change, speedup, without
from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.groups import kind_and_name
from agent_otel.analysis.symptom import SHOWN, Evidence, Symptom, symptom

if TYPE_CHECKING:
    from agent_otel.analysis.examined import Examined

LIMITS_AND_RETRIES: Final = "rate limits and retries"
GIT_LOCKS: Final = "lock contention in git"
COLD_STARTS: Final = "cold starts"
SLOW_TASK_TYPE: Final = "one slow task type"
RARELY: Final = (0.005, 0.02)
"""The usual share of what should hardly occur."""
TYPE_USUAL: Final = (0.20, 0.50)
SLOW_TYPE: Final = 2.0
"""How much longer than the others the tasks of a slow type take, on average."""
COLD: Final = 2.0
"""How much longer than the median of the later calls a cold one takes."""
COLD_NANOSECONDS: Final = 20_000_000
WARM_CALLS: Final = 2


def limits_and_retries(examined: Examined) -> Symptom:
    """Whether calls were refused for a while, or had to be repeated."""
    run = examined.run
    waits = [span for span in run.spans if span.wait_reason in (semconv.RATE_LIMIT, semconv.RETRY)]
    path = examined.totals.critical_path
    on_path = path.get(semconv.RATE_LIMIT, 0) + path.get(semconv.RETRY, 0)
    waits.sort(key=lambda span: -span.duration)
    failed = [span for span in run.spans if span.failed and not span.annotation and span.operation in _CALLS]
    evidence = [Evidence(one.span_id, one.name, one.duration / 1e9, "waited before the next attempt") for one in waits]
    evidence += [Evidence(one.span_id, one.name, one.duration / 1e9, f"ended as {one.outcome}") for one in failed]
    counted = f"{len(waits)} wait{'' if len(waits) == 1 else 's'} before another attempt"
    return symptom(
        examined,
        LIMITS_AND_RETRIES,
        examined.share(on_path),
        RARELY,
        {
            "none": f"No such wait is on the critical path ({counted} in all).",
            "low": f"Hardly anything is lost to them ({counted}).",
            "usual": f"{counted}: a few are usual.",
            "high": f"{counted}. Ask for a higher limit, send fewer calls at once, spread them over models or keys, "
            "and find out what fails.",
        },
        evidence[:SHOWN],
        prediction=examined.best([Change(levers=(without(semconv.RATE_LIMIT), without(semconv.RETRY)))]),
    )


_CALLS: Final = semconv.LLM_OPERATIONS | {semconv.INVOKE_AGENT, semconv.EXECUTE_TOOL, semconv.GIT}


def git_locks(examined: Examined) -> Symptom:
    """Whether git calls wait for each other."""
    planner, spans = examined.what_if.planner, examined.run.spans
    locks = planner.locks if planner is not None else None
    graph = examined.what_if.graph
    waited = 0
    evidence: list[Evidence] = []
    if locks is not None and graph is not None:
        held = sorted(locks.held.items(), key=lambda item: -item[1].waited)
        for place, one in held:
            unit = graph.units[place]
            waited += min(one.waited, examined.own_path.get(unit.position, 0))
            if one.waited and len(evidence) < SHOWN:
                call = spans[one.call]
                why = f"task {unit.id} waited {duration_text(one.waited / 1e9)} for another {one.lock}"
                evidence.append(Evidence(call.span_id, call.name, call.duration / 1e9, why))
    kinds = ", ".join(f"{kind} ({len(waits)} calls)" for kind, waits in locks.waits.items()) if locks else ""
    return symptom(
        examined,
        GIT_LOCKS,
        examined.share(waited),
        RARELY,
        {
            "none": "No git call on the critical path waited for another one.",
            "low": f"Calls wait for each other, but briefly: {kinds}.",
            "usual": f"Calls wait for each other: {kinds}.",
            "high": f"Calls wait for each other: {kinds}. Make worktrees ahead of time or reuse a pool of them, and "
            "hold locks for the call alone.",
        },
        evidence,
        prediction=examined.best([Change(levers=(without(semconv.LOCK),))]),
    )


def cold_starts(examined: Examined) -> Symptom:
    """Whether the first call of a kind takes much longer than the later ones."""
    kinds: dict[tuple[str, str], list[int]] = {}
    for position, span in enumerate(examined.run.spans):
        kind = None if span.annotation else kind_and_name(span)
        if kind is not None and kind[0] != "nodes":
            kinds.setdefault(kind, []).append(position)
    cold: list[tuple[int, int, int]] = []
    for members in kinds.values():
        durations = [examined.run.spans[member].duration for member in members]
        if len(durations) <= WARM_CALLS:
            continue
        later = median(durations[1:])
        excess = durations[0] - later
        if durations[0] > max(COLD * later, *durations[1:]) and excess > COLD_NANOSECONDS:
            cold.append((min(round(excess), examined.path_inside.get(members[0], 0)), members[0], round(later)))
    cold.sort(reverse=True)
    total = sum(excess for excess, _, _ in cold)
    evidence: list[Evidence] = []
    for _, position, later in cold[:SHOWN]:
        span = examined.run.spans[position]
        why = f"the first of its kind; half of the later ones took {duration_text(later / 1e9)} or less"
        evidence.append(Evidence(span.span_id, span.name, span.duration / 1e9, why))
    return symptom(
        examined,
        COLD_STARTS,
        examined.share(total),
        RARELY,
        {
            "none": "No first call on the critical path was slower than all later ones.",
            "low": "First calls are slower, but it hardly matters.",
            "usual": "First calls are slower: imports, connections, caches that fill. Usual.",
            "high": "First calls are much slower than later ones: import, connect and warm up before the run, keep "
            "processes and connections open.",
        },
        evidence,
        saving=("first calls as fast as later ones", total) if total else None,
    )


def slow_task_type(examined: Examined) -> Symptom:
    """Whether tasks of one type take much longer than those of the others."""
    graph = examined.what_if.graph
    units: dict[str, list[int]] = {}
    for place, unit in enumerate(graph.units if graph is not None else ()):
        units.setdefault(unit.type, []).append(place)
    evidence: list[Evidence] = []
    share, prediction, name, times = 0.0, None, "", 0.0
    if graph is not None and len(units) > 1:
        durations = [unit.end - unit.start for unit in graph.units]

        def mean(places: list[int]) -> float:
            return sum(durations[place] for place in places) / len(places)

        name = max(units, key=lambda kind: mean(units[kind]))
        others = [place for kind, places in units.items() if kind != name for place in places]
        times = mean(units[name]) / mean(others) if mean(others) else 0.0
        if times >= SLOW_TYPE:
            positions = {graph.units[place].position: place for place in units[name]}
            share = examined.share(sum(examined.path_inside.get(position, 0) for position in positions))
            prediction = examined.best([Change(levers=(speedup(f"type:{name}=2"),))])
            for position in sorted(positions, key=lambda one: -durations[positions[one]])[:SHOWN]:
                span, unit = examined.run.spans[position], graph.units[positions[position]]
                evidence.append(
                    Evidence(span.span_id, span.name, span.duration / 1e9, f"task {unit.id} of type {name}")
                )
    return symptom(
        examined,
        SLOW_TASK_TYPE,
        share,
        TYPE_USUAL,
        {
            "none": "No type of task on the critical path takes twice as long as the others.",
            "low": f"Tasks of type {name} take {times:.1f} times as long as others, but are rarely waited for.",
            "usual": f"Tasks of type {name} take {times:.1f} times as long as others. Split them, or start them first.",
            "high": f"The run waits for tasks of type {name}, which take {times:.1f} times as long as others. Split "
            "them, start them first, or give them to a faster agent.",
        },
        evidence,
        prediction=prediction,
    )
